package emulator

import (
	"fmt"
	"strings"
)

func lower(s string) string { return strings.ToLower(s) }

// demoCompanies: the first is the portal owner's own.
func demoCompanies() []map[string]any {
	out := []map[string]any{{"title": "Sample Holding", "isMyCompany": "Y", "phone": "+15550100100", "email": "office@example.com"}}
	for i, name := range []string{"Northwind Example", "Example Steel", "Placeholder Foods", "Demo Logistics", "Test Optics", "Sample Textiles", "Acme Example", "Mock Energy", "Dummy Paper", "Образец Плюс"} {
		out = append(out, map[string]any{
			"title": name, "industry": []string{"IT", "MANUFACTURING", "OTHER"}[i%3],
			"phone": fmt.Sprintf("+1555010%04d", 200+i), "email": fmt.Sprintf("info%d@example.org", i+1), "originId": fmt.Sprintf("C-%03d", i+1),
		})
	}
	return out
}

func demoContacts() []map[string]any {
	first := []string{"Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irina", "Jonas"}
	last := []string{"Example", "Sampleton", "Testova", "Demo"}
	var out []map[string]any
	for i := range 30 {
		out = append(out, map[string]any{
			"name": first[i%len(first)], "lastName": last[i%len(last)], "companyId": int64(i%10 + 2),
			"phone": fmt.Sprintf("+1555011%04d", i+1), "email": fmt.Sprintf("contact%02d@example.net", i+1),
			"originId": fmt.Sprintf("P-%03d", i+1), "sourceId": "WEB",
		})
	}
	return out
}

func demoDeals() []map[string]any {
	stages := []string{"NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"}
	var out []map[string]any
	for i := range 12 {
		out = append(out, map[string]any{
			"title": fmt.Sprintf("Deal %02d", i+1), "stageId": stages[i%len(stages)], "companyId": int64(i%10 + 2),
			"opportunity": float64(1000 * (i + 1)), "isManualOpportunity": "Y", "currencyId": "EUR",
		})
	}
	return out
}
