package field

import "time"

// CheckHistory checks the times of an item that an admin imports against
// each other and the clock, as Bitrix24 does (crm.item.import): created ≤
// moved ≤ updated, and none of them in the future. fields are the converted
// values by name. That no existing item may be younger is for the caller to
// know; rows must be sorted by createdTime.
func CheckHistory(fields map[string]any, now time.Time) *Problem {
	order := []string{"createdTime", "movedTime", "updatedTime"}
	var before string
	var last time.Time
	for _, name := range order {
		text, ok := fields[name].(string)
		if !ok {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return historyTrouble(trouble(dateInvalid), name, text)
		}
		if t.After(now) {
			return historyTrouble(trouble(historyFuture), name, text)
		}
		if before != "" && t.Before(last) {
			return historyTrouble(trouble(historyOrder, "before", before, "after", name), name, text)
		}
		before, last = name, t
	}
	return nil
}

func historyTrouble(p *Problem, name, value string) *Problem {
	p.Args["field"], p.Args["value"], p.Value = name, value, value
	return p
}
