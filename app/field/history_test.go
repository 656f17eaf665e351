package field_test

import (
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
)

func TestCheckHistory(t *testing.T) {
	now := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	const early, middle, late = "2024-01-01T10:00:00+00:00", "2024-01-01T12:00:00+01:00", "2024-03-01T10:00:00+00:00"
	for _, c := range []struct {
		created, moved, updated any
		code                    string
	}{
		{early, middle, late, ""},
		{early, nil, early, ""},
		{nil, nil, nil, ""},
		{nil, late, nil, ""},
		{late, nil, early, "history_order"},
		{early, late, middle, "history_order"},
		{middle, early, nil, "history_order"},
		{"2024-06-01T14:00:00+01:00", nil, nil, "history_future"},
		{nil, nil, "2024-06-01T13:00:00+01:00", ""},
	} {
		fields := map[string]any{"title": "x"}
		for name, v := range map[string]any{"createdTime": c.created, "movedTime": c.moved, "updatedTime": c.updated} {
			if v != nil {
				fields[name] = v
			}
		}
		p := field.CheckHistory(fields, now)
		code := ""
		if p != nil {
			code = p.Code
			if !p.Blocks || len(p.Args) != len(field.Codes()[code])+2 {
				t.Errorf("%+v", p)
			}
		}
		if code != c.code {
			t.Errorf("%v: %q, want %q", fields, code, c.code)
		}
	}
}
