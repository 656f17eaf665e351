package importer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/spa-importer/spa-importer/app/field"
)

// maxDecisions caps what is kept of a person's answers for one file.
const maxDecisions = 20_000

// Decide answers findings and has the file checked again. remember keeps the
// answers for the next file that goes to the same smart process: what is done
// there wherever a field meets such a value.
func (s *Service) Decide(ctx context.Context, a Actor, imp string, decisions []Decision, remember bool) (Import, error) {
	for _, d := range decisions {
		switch d.Action {
		case LeaveEmpty, SkipRows, UseValue, KeepFirst, KeepLast, KeepNone, Withdraw:
		default:
			return Import{}, Refuse("decision_unknown")
		}
	}
	decided, err := s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		for _, d := range decisions {
			imp.decide(d)
		}
		if len(imp.Decisions) > maxDecisions {
			return Refuse("too_many_decisions", "max", strconv.Itoa(maxDecisions))
		}
		imp.redraft()
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	if remember {
		if err := s.store.SaveAnswers(ctx, a.Portal, decided.Target.EntityTypeID, answersOf(decided, decisions)); err != nil {
			return Import{}, fmt.Errorf("remembering answers: %w", err)
		}
	}
	return s.Check(ctx, a, imp)
}

// decide lets a decision take the place of the one on the same value. How to
// treat repeated keys and what to do with a blank one are two questions.
func (i *Import) decide(d Decision) {
	i.Decisions = slices.DeleteFunc(i.Decisions, func(old Decision) bool {
		same := old.Column == d.Column && old.Value == d.Value
		return same && (d.Action == Withdraw || old.Action.aboutRepeats() == d.Action.aboutRepeats())
	})
	if d.Action != Withdraw {
		i.Decisions = append(i.Decisions, d)
	}
}

// answersOf are the decisions that make sense for another file: those on the
// values of a field.
func answersOf(imp Import, decisions []Decision) []Answer {
	fields := map[int]string{}
	for _, m := range imp.Mapping.Columns {
		fields[m.Column] = m.Field
	}
	var answers []Answer
	for _, d := range decisions {
		name := fields[d.Column]
		if name == "" || d.Action == Withdraw || d.Action.aboutRepeats() {
			continue
		}
		answers = append(answers, Answer{Field: name, Value: d.Value, Action: d.Action, With: d.With})
	}
	return answers
}

// ForgetAnswers takes remembered answers out of the portal's memory, and has
// the file checked again without them.
func (s *Service) ForgetAnswers(ctx context.Context, a Actor, imp string, answers []Answer) (Import, error) {
	draft, err := s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.redraft()
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	if len(answers) > 0 {
		if err := s.store.DeleteAnswers(ctx, a.Portal, draft.Target.EntityTypeID, answers); err != nil {
			return Import{}, fmt.Errorf("forgetting answers: %w", err)
		}
	}
	return s.Check(ctx, a, imp)
}

// answers are the remembered answers that were used, and those that were met
// but fitted nowhere any more.
func (p *planner) answers() (used, forgotten []Answer) {
	for _, c := range p.each() {
		for _, r := range c.rulings {
			if !r.remembered {
				continue
			}
			a := Answer{Field: c.target.Name, Value: r.Value, Action: r.Action, With: r.With}
			switch {
			case r.used > 0:
				used = append(used, a)
			case r.failed > 0:
				forgotten = append(forgotten, a)
			}
		}
	}
	byText := func(x, y Answer) int {
		return slices.Compare([]string{x.Field, x.Value}, []string{y.Field, y.Value})
	}
	slices.SortFunc(used, byText)
	slices.SortFunc(forgotten, byText)
	return used, forgotten
}

// safe reports a suggestion that may be taken without a look at each: of a
// value that stands in a list, so much like one of its names, and like no
// other, that a slip of the hand is the likely reason.
func safe(p field.Problem) bool {
	switch p.Code {
	case "option_unknown", "stage_unknown", "pipeline_unknown", "source_unknown", "status_unknown", "boolean_unknown", "currency_unknown":
	default:
		return false
	}
	if p.Closest == "" {
		return false
	}
	// The suggestion itself says that at most a third of the letters differ
	// and that no other is as near; safe is a quarter.
	letters := utf8.RuneCountInString(p.Value)
	return letters >= 4 && field.Distance(p.Value, p.Closest)*4 <= letters
}

// LeaveCheck goes back to the columns: a check under way ends at its next
// step, and nobody waits for it.
func (s *Service) LeaveCheck(ctx context.Context, a Actor, imp string) (Import, error) {
	return s.update(ctx, a, imp, func(imp *Import) error {
		if imp.State == Checking {
			imp.redraft()
		}
		return nil
	})
}
