package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// bulkRows is how many rows one request may have.
const bulkRows = 20

// bulk writes twenty wide rows with external codes of their own.
func (s *scratch) bulk(ctx context.Context, name string) (bitrix.Reply, error) {
	rows := make([]map[string]any, bulkRows)
	for i := range rows {
		fields := map[string]any{
			"xmlId": fmt.Sprintf("doctor-%s:%d", name, i+1), "opened": "Y", "assignedById": s.report.User,
			fieldYes: "Y", fieldDay: "2026-03-04", fieldTime: "2026-03-04T05:06:07+00:00",
		}
		for n := range fillers {
			fields[filler(n)] = "Some text of the usual length, " + strconv.Itoa(n)
		}
		for _, own := range []string{fieldYes, fieldDay, fieldTime} {
			if s.names[own] == "" {
				delete(fields, own)
			}
		}
		for n := range fillers {
			if s.names[filler(n)] == "" {
				delete(fields, filler(n))
			}
		}
		rows[i] = s.row(fields)
	}
	results, reply, err := s.writeAll(ctx, rows)
	if err != nil {
		return reply, err
	}
	for _, r := range results {
		if r.Err != nil {
			return reply, r.Err
		}
	}
	return reply, nil
}

// slow is what twenty rows may take and still leave room for wider ones.
const slow = 15 * time.Second

func tryPace(ctx context.Context, s *scratch) (Status, string, error) {
	reply, err := s.bulk(ctx, "pace")
	if err != nil {
		return Untried, "", err
	}
	took := reply.Time.Duration
	each := took / bulkRows
	saw := fmt.Sprintf("%d rows took %s, %s each", bulkRows, took.Round(time.Millisecond), each.Round(time.Millisecond))
	if each > 0 {
		saw += fmt.Sprintf("; 480 s in ten minutes are about %d rows", int(480*time.Second/each))
	}
	return verdict(took <= slow), saw, nil
}

func tryOperating(ctx context.Context, s *scratch) (Status, string, error) {
	first, err := s.bulk(ctx, "first")
	if err != nil {
		return Untried, "", err
	}
	second, err := s.bulk(ctx, "second")
	if err != nil {
		return Untried, "", err
	}
	if !first.Time.HasOperating || !second.Time.HasOperating {
		return Broken, "the answer of crm.item.batchImport has no operating", nil
	}
	saw := fmt.Sprintf("crm.item.batchImport reported %.2f s and then %.2f s", first.Time.Operating, second.Time.Operating)
	return verdict(second.Time.Operating >= first.Time.Operating), saw, nil
}

func tryNames(_ context.Context, s *scratch) (Status, string, error) {
	if s.original {
		return Holds, "user fields are listed as UF_CRM_…", nil
	}
	return Broken, "user fields are listed as " + s.names[fieldNeeded], nil
}

func tryKeyLength(ctx context.Context, s *scratch) (Status, string, error) {
	long := strings.Repeat("k", 255)
	got, err := s.writeRead(ctx, "xmlId", map[string]any{"xmlId": long})
	if bitrix.IsClass(err, bitrix.Final) {
		return Broken, "refused with " + codeOf(err), nil
	}
	if err != nil {
		return Untried, "", err
	}
	return verdict(got == long), fmt.Sprintf("of 255 characters %d were kept", len(got)), nil
}

func tryKeyFilter(ctx context.Context, s *scratch) (Status, string, error) {
	if _, err := s.bulk(ctx, "find"); err != nil {
		return Untried, "", err
	}
	keys := make([]string, 0, 2*bulkRows)
	for i := range 2 * bulkRows { // half of them exist
		keys = append(keys, fmt.Sprintf("doctor-find:%d", i+1))
	}
	var page struct {
		Items []any `json:"items"`
	}
	began := time.Now()
	err := s.call(ctx, "crm.item.list", map[string]any{
		"entityTypeId": s.entityTypeID, "select": []string{"id", "xmlId"},
		"filter": map[string]any{">id": 0, "@xmlId": keys}, "start": -1,
	}, &page)
	if bitrix.IsClass(err, bitrix.Final) || bitrix.Code(err) == "INVALID_ARG_VALUE" {
		return Broken, "refused with " + codeOf(err), nil
	}
	if err != nil {
		return Untried, "", err
	}
	saw := fmt.Sprintf("of %d codes, %d of which exist, %d were found in %s; a process with many items was not tried",
		len(keys), bulkRows, len(page.Items), time.Since(began).Round(time.Millisecond))
	return verdict(len(page.Items) == bulkRows), saw, nil
}
