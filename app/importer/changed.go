package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// changedField compares what an import uses of its smart process, and
// returns the name of the first field that is not what it was; empty: all
// are.
func changedField(was, is Schema, imp Import) string {
	before, after := targetsByName(was), targetsByName(is)
	names := []string{fieldCategory, fieldStage}
	for _, m := range imp.Mapping.Columns {
		if m.Field != "" {
			names = append(names, m.Field)
		}
	}
	for name := range imp.Mapping.Constants {
		names = append(names, name)
	}
	for _, name := range names {
		old, now := []any{before[name]}, []any{after[name]}
		switch name {
		case fieldCategory:
			old, now = append(old, was.Context.Categories), append(now, is.Context.Categories)
		case fieldStage:
			old, now = append(old, was.Context.Stages), append(now, is.Context.Stages)
		}
		x, errX := json.Marshal(old)
		y, errY := json.Marshal(now)
		if errX != nil || errY != nil || string(x) != string(y) {
			return name
		}
	}
	return ""
}

// schemaChanged ends a start or a resume at a smart process that is not what
// it was when the file was checked. Where nothing has been written yet, the
// import goes back to the columns with the reason. One that has begun waits:
// the person is told once, and resuming plans the rows that are left with the
// fields as they are now.
func (r *run) schemaChanged(ctx context.Context, name string, now Schema, reading int) error {
	r.s.schemas.drop(r.imp.Portal, r.imp.Target.EntityTypeID)
	title := cmpOr(targetsByName(now)[name].Title, name)
	if checked, _, err := r.s.loadSchema(ctx, r.imp); err == nil {
		title = cmpOr(targetsByName(now)[name].Title, targetsByName(checked)[name].Title, name)
	}
	if r.imp.Cursor > 0 || r.imp.Counts.Sum() > 0 {
		if err := r.s.saveSchema(ctx, r.imp, now, reading); err != nil {
			return err
		}
		return &waitError{reason: problem("schema_moved", "field", title)}
	}
	reason := problem("schema_changed", "field", title)
	if column, err := r.columnName(ctx, name); err != nil {
		return err
	} else if column != "" {
		reason = problem("schema_column", "field", title, "column", column)
	}
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.redraft()
		imp.Reason, imp.Verify, imp.Started = &reason, false, time.Time{}
		return nil
	})
	if err != nil {
		return fmt.Errorf("going back to the columns: %w", err)
	}
	r.s.log.InfoContext(ctx, "import goes back to its columns", "import", r.imp.ID, "field", name)
	return errNotRunning
}

// columnName is the file's name of the column that goes to a field.
func (r *run) columnName(ctx context.Context, name string) (string, error) {
	u, err := r.s.store.Upload(ctx, r.imp.Portal, r.imp.Upload)
	if err != nil {
		return "", fmt.Errorf("loading upload: %w", err)
	}
	for _, m := range r.imp.Mapping.Columns {
		if m.Field == name && u.Table != nil && m.Column < len(u.Table.Columns) {
			return u.Table.Columns[m.Column].Name, nil
		}
	}
	return "", nil
}
