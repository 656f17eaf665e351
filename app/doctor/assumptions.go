package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// assumption is one thing the app relies on.
type assumption struct {
	id, says, app string
	// fields are the user fields that the trial needs.
	fields []string
	// trial says whether it holds and what was seen; an error means that
	// something else went wrong. Without a trial, why says why there is none.
	trial func(context.Context, *scratch) (Status, string, error)
	why   string
}

// assumptions are those that no document promises, in the order of the notes
// that the app was built by. The order matters: the first items are small.
func assumptions() []assumption {
	return []assumption{
		{id: "1", says: "REST does not check mandatory user fields",
			app:    "The check asks for them before anything is sent; what a portal refuses all the same ends in the report with its reason.",
			fields: []string{fieldNeeded}, trial: tryMandatory},
		{id: "2", says: "crm.item.batchImport takes rows under keys and answers under the same keys",
			app:   "Answers are read by key, and by position where a portal sends a list.",
			trial: tryKeys},
		{id: "3", says: "An import with a creation time in the future is refused and makes no item",
			app:   "The app does not probe rights this way: the first request has one row, and a missing right makes the import wait.",
			trial: tryFuture},
		{id: "4a", says: "A time with an offset is stored as that moment",
			app:    "Times are sent with the offset that the person's zone had on that day.",
			fields: []string{fieldTime}, trial: tryTime(fieldTime)},
		{id: "4b", says: "So is one in a field that keeps the user's time zone",
			app:    "Times are sent the same way; on a portal where this does not hold, such columns are off by what is shown here.",
			fields: []string{fieldZoned}, trial: tryTime(fieldZoned)},
		{id: "5a", says: "An unknown stage becomes the first stage, without an error",
			app:   "Stages are checked against the pipeline before anything is sent, so neither happens.",
			trial: tryStage},
		{id: "5b", says: "A date that cannot be read is left out, without an error",
			app:    "Dates are read here and sent as yyyy-mm-dd, so neither happens.",
			fields: []string{fieldDay}, trial: tryDate},
		{id: "5c", says: `"1" means no in a yes/no field`,
			app:    "Y and N are sent, which every portal understands.",
			fields: []string{fieldYes}, trial: tryBoolean},
		{id: "6a", says: "A field that links to one kind of item takes the bare id",
			app:    "The bare id is sent there, as the portal's own form does.",
			fields: []string{fieldOne}, trial: tryOneLink},
		{id: "6b", says: "A field that links to several kinds takes the id with the kind before it",
			app:    "The id with its kind is sent there.",
			fields: []string{fieldSeveral}, trial: trySeveralLinks},
		{id: "7", says: "An update without a pipeline leaves the item where it is",
			app:   "Updates send the item's own pipeline along, so it stays either way.",
			trial: tryUpdate},
		{id: "8", says: "crm.item.batchImport tells responsible people and observers about each item, and fires events",
			app: "The app says before the start that people may be notified, and relies on no event.",
			why: "who is notified can only be seen in the portal"},
		{id: "9a", says: "Twenty rows of twenty fields are written within a few seconds",
			app:   "Requests shrink where rows are slow, so that none comes near the 60 s at which a portal cuts it.",
			trial: tryPace},
		{id: "9b", says: "Answers say how much time a method has used (operating)",
			app:   "The app paces itself by it, and where it is missing by the requests' own duration and the portal's refusals.",
			trial: tryOperating},
		{id: "10", says: "The portal knows useOriginalUfNames",
			app:    "Fields are written under the names that the portal lists, whichever these are.",
			fields: []string{fieldNeeded}, trial: tryNames},
		{id: "11", says: "A request that is cut at 60 s leaves the items that it had made",
			app: "Rows without an answer are looked up by their external code, never sent again blindly.",
			why: "it would need a request of a minute, which the app never makes"},
		{id: "12a", says: "An external code may have 255 characters",
			app:   "The app's own codes have 24 characters at most.",
			trial: tryKeyLength},
		{id: "12b", says: "Items are found by a list of external codes",
			app:   "Rows in doubt are looked up this way, among the items that are newer than the import.",
			trial: tryKeyFilter},
	}
}

func tryMandatory(ctx context.Context, s *scratch) (Status, string, error) {
	row := s.row(nil)
	delete(row, s.names[fieldNeeded])
	results, _, err := s.writeAll(ctx, []map[string]any{row})
	if err != nil {
		return Untried, "", err
	}
	if fault := results[0].Err; fault != nil {
		return Broken, "a row without the mandatory field was refused with " + codeOf(fault), nil
	}
	return Holds, "a row without the mandatory field was taken", nil
}

func codeOf(err error) string {
	if code := bitrix.Code(err); code != "" {
		return code
	}
	return "no code"
}

func tryKeys(ctx context.Context, s *scratch) (Status, string, error) {
	results, reply, err := s.writeAll(ctx, []map[string]any{s.row(nil), s.row(nil)})
	if err != nil {
		return Untried, "", err
	}
	for _, r := range results {
		if r.Err != nil {
			return Untried, "", r.Err
		}
	}
	keyed := regexp.MustCompile(`"items"\s*:\s*\{`).Match(reply.Result)
	if keyed {
		return Holds, "two rows came back under their keys", nil
	}
	return Broken, "two rows came back as a list", nil
}

func tryFuture(ctx context.Context, s *scratch) (Status, string, error) {
	before, err := s.count(ctx)
	if err != nil {
		return Untried, "", err
	}
	err = s.call(ctx, "crm.item.import", map[string]any{
		"entityTypeId": s.entityTypeID, "useOriginalUfNames": "Y",
		"fields": s.row(map[string]any{"createdTime": s.now.AddDate(1, 0, 0).UTC().Format(time.RFC3339)}),
	}, nil)
	if err != nil && !bitrix.IsClass(err, bitrix.Final) {
		return Untried, "", err
	}
	after, errCount := s.count(ctx)
	if errCount != nil {
		return Untried, "", errCount
	}
	switch {
	case after > before:
		return Broken, "an item was made", nil
	case err == nil:
		return Broken, "no error, and no item", nil
	}
	return Holds, "refused with " + codeOf(err), nil
}

// count is how many items there are, as long as there are less than fifty.
func (s *scratch) count(ctx context.Context) (int, error) {
	var page struct {
		Items []any `json:"items"`
	}
	err := s.call(ctx, "crm.item.list", map[string]any{
		"entityTypeId": s.entityTypeID, "select": []string{"id"}, "order": map[string]any{"id": "ASC"}, "start": -1,
	}, &page)
	return len(page.Items), err
}

func tryTime(field string) func(context.Context, *scratch) (Status, string, error) {
	return func(ctx context.Context, s *scratch) (Status, string, error) {
		sent := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 5*3600))
		got, err := s.writeRead(ctx, field, map[string]any{field: sent.Format(time.RFC3339)})
		if err != nil {
			return Untried, "", err
		}
		read, err := time.Parse(time.RFC3339, got)
		if err != nil {
			return Broken, fmt.Sprintf("%s was sent, %q came back", sent.Format(time.RFC3339), got), nil
		}
		saw := fmt.Sprintf("%s was sent, %s came back", sent.Format(time.RFC3339), got)
		if off := read.Sub(sent); off != 0 {
			return Broken, fmt.Sprintf("%s: off by %s", saw, off), nil
		}
		return Holds, saw + ": the same moment", nil
	}
}

func tryStage(ctx context.Context, s *scratch) (Status, string, error) {
	if len(s.pipelines) == 0 {
		return Untried, "", errors.New("the smart process has no default pipeline")
	}
	unknown := fmt.Sprintf("DT%d_%d:NO_SUCH_STAGE", s.entityTypeID, s.pipelines[0])
	got, err := s.writeRead(ctx, "stageId", map[string]any{"stageId": unknown})
	if bitrix.IsClass(err, bitrix.Final) {
		return Broken, "refused with " + codeOf(err), nil
	}
	if err != nil {
		return Untried, "", err
	}
	first, err := s.writeRead(ctx, "stageId", nil)
	if err != nil {
		return Untried, "", err
	}
	return verdict(got == first), "the item is in stage " + got, nil
}

func tryDate(ctx context.Context, s *scratch) (Status, string, error) {
	got, err := s.writeRead(ctx, fieldDay, map[string]any{fieldDay: "no day at all"})
	if bitrix.IsClass(err, bitrix.Final) {
		return Broken, "refused with " + codeOf(err), nil
	}
	if err != nil {
		return Untried, "", err
	}
	return verdict(empty(got)), fmt.Sprintf("the field has %q", got), nil
}

func empty(value string) bool {
	return value == "" || value == "null" || value == "[]" || value == "false"
}

func tryBoolean(ctx context.Context, s *scratch) (Status, string, error) {
	got, err := s.writeRead(ctx, fieldYes, map[string]any{fieldYes: "1"})
	if err != nil {
		return Untried, "", err
	}
	no := empty(got) || got == "0" || strings.EqualFold(got, "N")
	return verdict(no), fmt.Sprintf("the field has %q", got), nil
}

func tryOneLink(ctx context.Context, s *scratch) (Status, string, error) {
	other, err := s.write(ctx, nil)
	if err != nil {
		return Untried, "", err
	}
	bare, err := s.writeRead(ctx, fieldOne, map[string]any{fieldOne: strconv.FormatInt(other, 10)})
	if err != nil {
		return Untried, "", err
	}
	prefixed := s.link(other)
	with, err := s.writeRead(ctx, fieldOne, map[string]any{fieldOne: prefixed})
	if err != nil {
		return Untried, "", err
	}
	saw := fmt.Sprintf("%d came back as %q, %s as %q", other, bare, prefixed, with)
	return verdict(bare == strconv.FormatInt(other, 10) && s.linksTo(with, other)), saw, nil
}

func trySeveralLinks(ctx context.Context, s *scratch) (Status, string, error) {
	other, err := s.write(ctx, nil)
	if err != nil {
		return Untried, "", err
	}
	prefixed := s.link(other)
	got, err := s.writeRead(ctx, fieldSeveral, map[string]any{fieldSeveral: prefixed})
	if err != nil {
		return Untried, "", err
	}
	return verdict(strings.EqualFold(got, prefixed)), fmt.Sprintf("%s came back as %q", prefixed, got), nil
}

// link is an item of the scratch process with its kind before the id.
func (s *scratch) link(id int64) string {
	return bitrix.ShortCode(s.entityTypeID) + "_" + strconv.FormatInt(id, 10)
}

// linksTo reports whether a link's value means an item, written either way.
func (s *scratch) linksTo(value string, id int64) bool {
	return value == strconv.FormatInt(id, 10) || strings.EqualFold(value, s.link(id))
}

func tryUpdate(ctx context.Context, s *scratch) (Status, string, error) {
	if len(s.pipelines) < 2 {
		return Untried, "", errors.New("a second pipeline could not be made")
	}
	second := s.pipelines[1]
	id, err := s.write(ctx, map[string]any{"categoryId": second})
	if err != nil {
		return Untried, "", err
	}
	err = s.call(ctx, "crm.item.update", map[string]any{
		"entityTypeId": s.entityTypeID, "id": id, "fields": map[string]any{"title": "Doctor, changed"},
	}, nil)
	if err != nil {
		return Untried, "", err
	}
	item, err := s.read(ctx, id)
	if err != nil {
		return Untried, "", err
	}
	got := text(item["categoryId"])
	return verdict(got == strconv.FormatInt(second, 10)), fmt.Sprintf("an item of pipeline %d is in pipeline %s", second, got), nil
}
