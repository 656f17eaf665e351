package importer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// Held is what the portal itself has shown of the items that an import has
// created, when it was done.
type Held struct {
	// Found of Created were there. The others were deleted in the meantime, or
	// the person may not see them.
	Found, Created int
}

// MaxHeld is how many created items are looked for after an import is done: as
// many as take some forty requests. HeldTime is how long that may take, for
// other imports of the portal may wait for their turn.
const (
	MaxHeld  = 100_000
	HeldTime = 3 * sliceLength
)

func heldName(imp string) string { return importDir(imp) + "/held" }

// Held returns what was found of an import's items; false if nobody has
// looked.
func (s *Service) Held(ctx context.Context, a Actor, imp string) (Held, bool, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return Held{}, false, err
	}
	var h Held
	err = s.loadDocument(ctx, heldName(imp), i.Key, &h)
	if errors.Is(err, ErrNotFound) {
		return Held{}, false, nil
	}
	return h, err == nil, err
}

// lookAround looks for what a done import has created. The journal is the
// truth and the import done whatever comes of it.
func (r *run) lookAround(ctx context.Context) {
	if n := r.imp.Counts.Created; n == 0 || n > MaxHeld {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, HeldTime)
	defer cancel()
	var h Held
	err := ctx.Err()
	for attempt := 0; attempt < 3 && (attempt == 0 || err != nil) && ctx.Err() == nil; attempt++ {
		h, err = r.countHeld(ctx)
	}
	if err == nil {
		err = r.s.saveDocument(ctx, heldName(r.imp.ID), r.imp.Key, h)
	}
	if err != nil {
		r.s.log.InfoContext(ctx, "what was created was not counted", "import", r.imp.ID, "err", err)
		return
	}
	r.s.log.InfoContext(ctx, "created items counted", "import", r.imp.ID, "created", h.Created, "found", h.Found)
}

// countHeld asks for the created items by their ids.
func (r *run) countHeld(ctx context.Context) (Held, error) {
	var h Held
	for from := 0; ; {
		entries, err := r.s.journal.Entries(ctx, r.imp.ID, from, batchSize*pageSize, EntryCreated)
		if err != nil {
			return Held{}, fmt.Errorf("listing created rows: %w", err)
		}
		if len(entries) == 0 {
			return h, nil
		}
		ids := make([]string, len(entries))
		first := entries[0].ItemID
		for i, e := range entries {
			ids[i] = strconv.FormatInt(e.ItemID, 10)
			first = min(first, e.ItemID)
		}
		err = readItems(ctx, r.s.asking(r.imp.Portal, r.caller), r.imp.Target.EntityTypeID, "@"+fieldID, ids, first-1, []string{fieldID}, func(existing) error {
			h.Found++
			return nil
		})
		if err != nil {
			return Held{}, err
		}
		h.Created += len(entries)
		from = entries[len(entries)-1].Index + 1
	}
}
