//go:build browser

package handlers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// gallery keeps pictures of pages in a folder.
type gallery struct {
	dir string

	mu sync.Mutex
	// names are the pages, in the order of the walks; kinds are sizes and
	// themes.
	names, kinds []string
}

// keep writes a picture and notes what it is of.
func (g *gallery) keep(name, lang, kind string, picture []byte) error {
	g.mu.Lock()
	if !slices.Contains(g.names, name) {
		g.names = append(g.names, name)
	}
	if !slices.Contains(g.kinds, kind) {
		g.kinds = append(g.kinds, kind)
	}
	g.mu.Unlock()
	if err := os.WriteFile(filepath.Join(g.dir, pictureOf(name, lang, kind)), picture, 0o644); err != nil {
		return fmt.Errorf("keeping a picture: %w", err)
	}
	return nil
}

func pictureOf(name, lang, kind string) string { return name + "-" + lang + "-" + kind + ".jpg" }

// index writes a page that shows the pictures: a page of the app in all
// languages beside each other, for each size and theme.
func (g *gallery) index(languages []string) error {
	var b strings.Builder
	b.WriteString("<!doctype html><meta charset=utf-8><title>Pages</title><style>img{max-height:480px;max-width:480px;vertical-align:top;margin:2px;outline:1px solid #888}</style>\n")
	for _, kind := range g.kinds {
		for _, name := range g.names {
			fmt.Fprintf(&b, "<h2>%s, %s</h2>\n", name, kind)
			for _, lang := range languages {
				file := pictureOf(name, lang, kind)
				fmt.Fprintf(&b, "<a href=%q><img loading=lazy src=%q alt=%q></a>\n", file, file, lang)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(g.dir, "index.html"), []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("writing the index of the pictures: %w", err)
	}
	return nil
}
