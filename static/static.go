// Package static holds what browsers load beside the pages: the stylesheet,
// the ES modules and the icon, built into the program.
//
// All files are served under one hash of all of them,
// /static/<hash>/<name>: an address never changes its bytes, so it can be
// cached for ever, and a module that imports "./frame.js" gets the frame.js
// of the same build without an import map (which a strict content security
// policy would count as an inline script).
//
// It must not know pages, languages or the server.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed *.css *.js *.svg *.csv
var embedded embed.FS

// Files are the static files of this build.
type Files struct {
	hash  string
	files map[string]file
}

type file struct {
	body        []byte
	contentType string
}

// contentTypes are the only kinds of files there are.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".csv": "text/csv; charset=utf-8",
}

// Load reads the files that are built into the program.
func Load() (*Files, error) { return LoadFS(embedded) }

// LoadFS reads the files of a folder; a kind of file that browsers would have
// to guess is an error.
func LoadFS(files fs.FS) (*Files, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("listing static files: %w", err)
	}
	f := &Files{files: map[string]file{}}
	sum := sha256.New()
	for _, entry := range entries {
		name := entry.Name()
		contentType := contentTypes[path.Ext(name)]
		if entry.IsDir() || contentType == "" {
			return nil, fmt.Errorf("static file %s: unknown kind", name)
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading static file: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(body))
		sum.Write(body)
		f.files[name] = file{body: body, contentType: contentType}
	}
	f.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return f, nil
}

// URL is the path of a file on our own origin.
func (f *Files) URL(name string) string { return "/static/" + f.hash + "/" + name }

// Open finds a file by such a path. A hash of another build finds nothing:
// its answer would be cached for ever with the wrong bytes.
func (f *Files) Open(path string) (body []byte, contentType string, ok bool) {
	name, ours := strings.CutPrefix(path, "/static/"+f.hash+"/")
	if !ours {
		return nil, "", false
	}
	found, ok := f.files[name]
	return found.body, found.contentType, ok
}

// Names lists the files there are, sorted.
func (f *Files) Names() []string {
	return slices.Sorted(maps.Keys(f.files))
}
