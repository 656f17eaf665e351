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

// done is importer.Options.Notice.
func (n notices) done(ctx context.Context, imp importer.Import) (string, error) {
	p, err := n.portals.Portal(ctx, imp.Portal)
	if err != nil {
		return "", fmt.Errorf("loading the portal for a notification: %w", err)
	}
	t := n.texts.For(imp.Lang)
	left := imp.Rows - imp.Counts.Created - imp.Counts.Updated - imp.Counts.Unchanged
	text := t.Text("notice.done", "file", plain(imp.FileName), "n", imp.Counts.Created+imp.Counts.Updated,
		"all", imp.Rows, "target", plain(imp.Target.Title))
	if left > 0 {
		text += " " + t.Text("notice.left", "n", left)
	}
	if p.AppCode == "" {
		return text, nil // without its code, nothing leads to the app
	}
	return text + fmt.Sprintf(" [URL=/marketplace/view/%s/?params[import]=%s]%s[/URL]", p.AppCode, imp.ID, t.Text("notice.open")), nil
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
