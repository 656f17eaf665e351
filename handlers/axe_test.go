//go:build browser

package handlers_test

import (
	"fmt"
	"strings"

	"github.com/go-rod/rod/lib/proto"
)

// What axe-core is asked: everything that WCAG 2.2 AA demands and what its
// makers call good practice, or only the rules that look at colours and boxes,
// where the page is the same in all else.
const (
	standard = `{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }`
	drawn    = `{ type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable'] }`
)

// obeys holds the page to rules of accessibility: scrolled to its end, where
// the bar hides nothing.
func (s *studio) obeys(how, rules string) {
	s.t.Helper()
	_, err := proto.RuntimeEvaluate{Expression: "if (!window.axe) {" + s.axe + "}"}.Call(s.tab)
	must(s.t, err)
	found := s.tab.MustEval(`async () => {
		scrollTo(0, document.body.scrollHeight);
		const result = await axe.run(document, { runOnly: ` + rules + `, resultTypes: ['violations'] });
		scrollTo(0, 0);
		return result.violations
			.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.failureSummary.split('\n').slice(1).join(' ').trim() + ' ' + n.html.slice(0, 200)));
	}`)
	for _, finding := range found.Arr() {
		s.errorf("axe, %s: %s", how, strings.TrimSpace(fmt.Sprint(finding.Str())))
	}
}
