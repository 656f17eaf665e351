package fetch

import (
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName caps a file's name in bytes.
const maxName = 200

// extensions of the media types that files without one mostly have.
var extensions = map[string]string{
	"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif",
	"image/webp": ".webp", "image/svg+xml": ".svg", "text/plain": ".txt", "text/csv": ".csv",
	"application/zip": ".zip", "application/json": ".json", "audio/mpeg": ".mp3", "video/mp4": ".mp4",
	"application/msword":       ".doc",
	"application/vnd.ms-excel": ".xls",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   ".docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         ".xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}

// nameOf is what the answer's file is called: as the server says, else as
// the address ends, else "file"; with an extension where the type is known.
func nameOf(answer *http.Response) string {
	name := ""
	if _, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition")); err == nil {
		name = params["filename"]
	}
	if name == "" && answer.Request != nil {
		name = answer.Request.URL.Path
	}
	name = BaseName(name)
	if path.Ext(name) == "" {
		if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err == nil {
			name += extensions[kind]
		}
	}
	return name
}

// isPage reports a page for people where a file was asked for: what a
// sign-in or a share link answers.
func isPage(answer *http.Response) bool {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "text/html" && kind != "application/xhtml+xml" {
		return false
	}
	if strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment") {
		return false
	}
	ext := strings.ToLower(path.Ext(answer.Request.URL.Path))
	return ext != ".html" && ext != ".htm" && ext != ".xhtml"
}

// BaseName is the last part of a path with either slash, without control
// and direction characters, at most maxName bytes; "file" if nothing is left.
func BaseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name))
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	for stem := strings.TrimSuffix(name, ext); len(name) > maxName; name = stem + ext {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	if name == "" || name == "." || name == ".." || name == "/" {
		return "file"
	}
	return name
}
