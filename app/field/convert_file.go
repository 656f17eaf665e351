package field

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// FileSource is where the content of a file field comes from: an address,
// or a file of the archive given with the table. Whoever sends the row puts
// ["name.ext", "<base64>"] in its place.
type FileSource struct {
	// URL is an http or https address; empty for a file of the archive.
	URL string
	// Name is the file's path in the archive, or how the address ends.
	Name string
	// Max is the largest size the field takes, in bytes; 0 is no limit.
	Max int64
	// Allowed are the extensions the field takes, in lower case without the
	// dot, with commas between; empty is any.
	Allowed string
}

// Allows reports whether a field with these extensions takes a file of this
// name.
func (f FileSource) Allows(name string) bool {
	return f.Allowed == "" || slices.Contains(strings.Split(f.Allowed, ", "), extension(name))
}

func extension(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

// files prepares the conversion of addresses and file names.
func (c *Converter) files() {
	most, err := strconv.ParseInt(c.settings.text("MAX_ALLOWED_SIZE"), 10, 64)
	if err != nil || most < 0 {
		most = 0
	}
	allowed := c.settings.list("EXTENSIONS")
	for i, ext := range allowed {
		allowed[i] = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(ext), "."))
	}
	slices.Sort(allowed)
	blank := FileSource{Max: most, Allowed: strings.Join(slices.Compact(allowed), ", ")}
	c.one = func(s string, _ Lookup) (element, *Problem) {
		f := blank
		if fileAddress(s) {
			return fileAt(f, s)
		}
		return c.fileIn(c.ctx.Archive, f, s)
	}
}

// fileAddress tells addresses from file names.
func fileAddress(s string) bool {
	return strings.Contains(s, "://") || len(s) > 4 && strings.EqualFold(s[:4], "www.")
}

// fileAt checks the form of an address: what it leads to shows when the row
// is written.
func fileAt(f FileSource, s string) (element, *Problem) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || hasControl(s) {
		return element{}, trouble(fileInvalid)
	}
	f.URL, f.Name = s, path.Base(u.Path)
	// An address without an extension is judged by what comes.
	if ext := extension(f.Name); ext != "" && len(ext) <= 5 && knownExtensions[ext] && !f.Allows(f.Name) {
		return element{}, f.wrongExtension(f.Name)
	}
	return element{f, s}, nil
}

// knownExtensions are those by which an address tells what it leads to;
// others, such as .php and .aspx, say how it is made.
var knownExtensions = words("pdf doc docx odt rtf txt csv xls xlsx ods ppt pptx jpg jpeg png gif webp bmp tif tiff svg heic " +
	"zip rar 7z gz mp3 wav ogg m4a mp4 mov avi mkv webm xml json eml msg dwg exe bat html htm")

func (f FileSource) wrongExtension(name string) *Problem {
	return trouble(fileExtension, "extension", extension(name), "allowed", f.Allowed)
}

// fileIn finds a file of the archive by its name.
func (c *Converter) fileIn(a *Archive, f FileSource, s string) (element, *Problem) {
	switch {
	case hasControl(s) || strings.HasSuffix(s, "/"):
		return element{}, trouble(fileInvalid)
	case !f.Allows(s):
		return element{}, f.wrongExtension(s)
	case a == nil:
		return element{}, trouble(fileNoArchive)
	}
	found := a.find(s)
	if len(found) == 0 {
		return element{}, trouble(fileMissing).near(a.dict.closest(path.Base(strings.ReplaceAll(s, `\`, "/"))))
	}
	file := a.files[found[0]]
	switch {
	case len(found) > 1:
		return element{}, trouble(fileAmbiguous, "names", a.names(found))
	case file.Twice:
		return element{}, trouble(fileAmbiguous, "names", file.Name)
	case file.Locked:
		return element{}, trouble(fileLocked)
	case file.Size == 0:
		return element{}, trouble(fileEmpty)
	case f.Max > 0 && file.Size > f.Max:
		return element{}, trouble(fileTooLarge, "size", strconv.FormatInt(file.Size, 10), "max", strconv.FormatInt(f.Max, 10))
	}
	f.Name = file.Name
	return element{f, s}, nil
}
