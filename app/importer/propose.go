package importer

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// propose fills a mapping that nobody has touched: as last time for a file
// with the same headers, by the template's codes, or by what fits.
func (view *ColumnsView) propose(u Upload, c field.Context, lists [][]field.Proposal, mark *sheet.Template, known recall) map[int]ColumnMapping {
	laid := fitted{columns: map[int]ColumnMapping{}}
	switch {
	case mark != nil:
		view.Template = true
	case known.same != nil:
		laid = fit(*known.same, u, byName(view.Targets), c)
		view.Memory, view.Gone = known.same, laid.gone
	}
	chosen := assign(lists, view.Targets, laid.columns)
	view.Constants = laid.constants
	for i, m := range chosen {
		delete(view.Constants, m.Field)
		if c, ok := known.last[field.HeaderKey(u.Table.Columns[i].Name)]; ok && m.Why == WhyMemory && m.Field == c.Field && m.Style == (field.Style{}) {
			m.Style = c.Style
			chosen[i] = m
		}
	}
	for i, m := range chosen {
		if t, ok := byName(view.Targets)[m.Field]; ok && m.Style != (field.Style{}) {
			m.Style = adapt(m.Style, t, u.Profiles[i], c)
			chosen[i] = m
		}
	}
	return chosen
}

// proposals lists for each column where it may go, best first: by header and
// values, by where columns with this header went before, and by the codes of
// a template, which leave no doubt.
func proposals(u Upload, targets []field.Target, c field.Context, mark *sheet.Template, known recall) [][]field.Proposal {
	lists := make([][]field.Proposal, len(u.Table.Columns))
	named := byName(targets)
	for i, column := range u.Table.Columns {
		list := field.Match(column.Name, u.Profiles[i], targets, c)
		if last, ok := known.last[field.HeaderKey(column.Name)]; ok {
			list = withProposal(list, named, last.Field, WhyMemory, u.Profiles[i], c)
		}
		if code := mark.Field(column.Name); code != "" {
			list = withProposal(list, named, code, WhyTemplate, field.Profile{}, c)
		}
		lists[i] = list
	}
	return lists
}

// withProposal puts a proposal first, unless the cells speak against it.
func withProposal(list []field.Proposal, targets map[string]field.Target, name, why string, p field.Profile, c field.Context) []field.Proposal {
	t, ok := targets[name]
	if !ok || !t.Writable {
		return list
	}
	if share, known := field.Fits(t, p, c); known && share < 0.3 {
		return list
	}
	list = slices.DeleteFunc(slices.Clone(list), func(p field.Proposal) bool { return p.Field == name })
	return slices.Insert(list, 0, field.Proposal{Field: name, Why: why, Confidence: 1})
}

// assign gives each column its best certain target, surest first. A target
// is used once, unless it takes several values. Columns that are settled
// beforehand keep what they have.
func assign(lists [][]field.Proposal, targets []field.Target, settled map[int]ColumnMapping) map[int]ColumnMapping {
	type candidate struct {
		column int
		field.Proposal
	}
	var all []candidate
	for i, list := range lists {
		for _, p := range list {
			if p.Confidence >= certain {
				all = append(all, candidate{i, p})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.Confidence, x.Confidence) })
	multiple := map[string]bool{}
	for _, t := range targets {
		multiple[t.Name] = t.Multiple
	}
	chosen, used := maps.Clone(settled), map[string]bool{}
	if chosen == nil {
		chosen = map[int]ColumnMapping{}
	}
	for _, m := range settled {
		used[m.Field] = true
	}
	for _, c := range all {
		if _, has := chosen[c.column]; has || (used[c.Field] && !multiple[c.Field]) {
			continue
		}
		used[c.Field] = true
		chosen[c.column] = ColumnMapping{Column: c.column, Field: c.Field, Why: c.Why}
	}
	return chosen
}

// without leaves out proposals of fields that have a constant. Columns that
// nobody has decided on go where they surely belong as soon as they can: the
// field may have been made, or become free, since step 3 was first shown.
func without(lists [][]field.Proposal, constants map[string]string) [][]field.Proposal {
	rest := make([][]field.Proposal, len(lists))
	for i, list := range lists {
		rest[i] = slices.DeleteFunc(slices.Clone(list), func(p field.Proposal) bool { _, has := constants[p.Field]; return has })
	}
	return rest
}

// Propose forgets what is chosen and what is remembered, and proposes the
// columns by the file and the fields alone.
func (s *Service) Propose(ctx context.Context, a Actor, imp string) (Import, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	draft.Mapping = Mapping{}
	c := contextOf(draft, schema)
	targets := field.Targets(schema.Fields, c)
	chosen := assign(proposals(u, targets, c, templateOf(a.Portal, draft.Target.EntityTypeID, u), recall{}), targets, nil)
	mapping := Mapping{Constants: draft.Target.bind(chosen, nil)}
	for i := range u.Table.Columns {
		if m, ok := chosen[i]; ok {
			mapping.Columns = append(mapping.Columns, m)
		}
	}
	return s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.Mapping = mapping
		imp.redraft()
		return nil
	})
}
