package field_test

import (
	"slices"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
)

// archived is what a ZIP beside the table may hold.
func archived() *field.Archive {
	return field.NewArchive([]field.ArchiveFile{
		{Name: "Scans/Contract 1.PDF", Size: 10}, {Name: "2024/photo.png", Size: 10}, {Name: "2025/photo.png", Size: 10},
		{Name: "big.pdf", Size: 5000}, {Name: "secret.pdf", Size: 10, Locked: true}, {Name: "empty.pdf"},
		{Name: "Ñôîòî.png", Also: []string{"Фото й.png"}, Size: 10}, {Name: "twice.pdf", Size: 10, Twice: true},
	})
}

func TestFiles(t *testing.T) {
	c := portal()
	c.Files, c.Archive = true, archived()
	f := many(own("file", "EXTENSIONS", `{"pdf":true,".PNG":true}`, "MAX_ALLOWED_SIZE", `"1000"`))
	conv := converter(t, f, field.Style{}, c)
	v, p := convert(t, conv, "https://example.com/a/b.pdf?x=1|contract 1.pdf\nwww.example.com/x", nil)
	if p != nil {
		t.Fatal(p.Code)
	}
	limits := field.FileSource{Max: 1000, Allowed: "pdf, png"}
	address, name, bare := limits, limits, limits
	address.URL, address.Name = "https://example.com/a/b.pdf?x=1", "b.pdf"
	name.Name = "Scans/Contract 1.PDF"
	bare.URL, bare.Name = "https://www.example.com/x", "x"
	if want := []any{address, name, bare}; !slices.Equal(v.JSON.([]any), want) {
		t.Error(v.JSON)
	}
	for cell, want := range map[string]string{
		"a.exe": "!file_extension", "https://example.com/a.exe": "!file_extension", "ftp://example.com/a.pdf": "!file_invalid",
		"https://u:p@example.com/a.pdf": "!file_invalid", "http://": "!file_invalid", "https:///a.pdf": "!file_invalid", "folder/": "!file_invalid",
		"contrct 1.pdf": "!file_missing ~ Contract 1.PDF", "photo.png": "!file_ambiguous", "nothing.pdf": "!file_missing",
		"big.pdf": "!file_too_large_for", "secret.pdf": "!file_locked", "empty.pdf": "!file_empty_entry", "twice.pdf": "!file_ambiguous", "": "-", "-": "!looks_empty",
	} {
		if have := wire(t, conv, cell, nil); have != want {
			t.Errorf("%q: %s, want %s", cell, have, want)
		}
	}
	// With path, without, in any case, with the folder of some computer, and
	// however the letters are composed or the code page was read.
	for cell, want := range map[string]string{
		"2025/PHOTO.png": "2025/photo.png", `2024\photo.png`: "2024/photo.png", `C:\Users\me\Contract 1.pdf`: "Scans/Contract 1.PDF",
		"/scans/contract 1.pdf": "Scans/Contract 1.PDF", "./2024/../2024/photo.png": "2024/photo.png", "Фото й.png": "Ñôîòî.png",
	} {
		v, p := convert(t, conv, cell, nil)
		if p != nil || v.JSON.([]any)[0].(field.FileSource).Name != want {
			t.Errorf("%q: %v %+v", cell, v.JSON, p)
		}
	}
	c.Archive = nil
	conv = converter(t, f, field.Style{}, c)
	if have := wire(t, conv, "contract 1.pdf", nil); have != "!file_no_archive" {
		t.Error(have)
	}
	// A field that takes anything takes files without an extension, and "-"
	// is nothing.
	conv = converter(t, own("file"), field.Style{}, c)
	for cell, want := range map[string]string{"-": "!looks_empty", "https://example.com/get.php?id=5": `{"URL":"https://example.com/get.php?id=5","Name":"get.php","Max":0,"Allowed":""}`} {
		if have := wire(t, conv, cell, nil); have != want {
			t.Errorf("%q: %s, want %s", cell, have, want)
		}
	}
}

func TestAllows(t *testing.T) {
	f := field.FileSource{Allowed: "jpg, pdf"}
	if !f.Allows("a.PDF") || f.Allows("a") || f.Allows("jpg") || f.Allows("a.pd") || !(field.FileSource{}).Allows("a") {
		t.Error("extensions are not compared as they should")
	}
}
