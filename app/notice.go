package main

import (
	"context"
	"fmt"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
)

// notices words what Bitrix24 tells a person about his import, in his
// language, with a link that opens it in the app.
type notices struct {
	texts   *locale.Locales
	portals portal.Store
}

// done is importer.Options.Notice: an import has ended, was taken back, or
// its trial is done.
func (n notices) done(ctx context.Context, imp importer.Import) (string, error) {
	p, err := n.portals.Portal(ctx, imp.Portal)
	if err != nil {
		return "", fmt.Errorf("loading the portal for a notification: %w", err)
	}
	text := said(n.texts.For(imp.Lang), imp)
	if p.AppCode == "" {
		return text, nil // without its code, nothing leads to the app
	}
	return text + fmt.Sprintf(" [URL=/marketplace/view/%s/?params[import]=%s]%s[/URL]", p.AppCode, imp.ID, n.texts.For(imp.Lang).Text("notice.open")), nil
}

// said is the message without its link.
func said(t locale.Catalogue, imp importer.Import) string {
	file, target := plain(imp.FileName), plain(imp.Target.Title)
	c, undone := imp.Counts, imp.Undo
	switch {
	case imp.State == importer.Undone:
		text := t.Text("notice.undone", "file", file, "n", undone.TakenBack, "all", undone.Sum(), "target", target)
		if stayed := undone.Kept + undone.Impossible; stayed > 0 {
			text += " " + t.Text("notice.stayed", "n", stayed)
		}
		return text
	case imp.Tried():
		return t.Text("notice.tried", "file", file, "n", c.Created+c.Updated, "target", target)
	}
	arrived := c.Created + c.Updated + c.Unchanged
	text := t.Text("notice.done", "file", file, "n", arrived, "all", imp.Rows, "target", target)
	if left := imp.Rows - arrived; left > 0 {
		text += " " + t.Text("notice.left", "n", left)
	}
	return text
}

// plain keeps a name from being read as markup: BB codes are in brackets.
func plain(name string) string {
	out := make([]rune, 0, len(name))
	for _, r := range name {
		switch r {
		case '[':
			r = '('
		case ']':
			r = ')'
		}
		out = append(out, r)
	}
	return string(out)
}
