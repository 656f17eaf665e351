package fetch_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/spa-importer/spa-importer/app/fetch"
)

// packed makes a ZIP of files in order.
func packed(t testing.TB, files ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range files {
		content := h.Comment
		h.Comment = ""
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, content string) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Comment: content, Method: zip.Deflate}
}

func open(b []byte) (*fetch.Archive, error) {
	return fetch.OpenArchive(bytes.NewReader(b), int64(len(b)))
}

func TestArchive(t *testing.T) {
	dos, err := charmap.CodePage866.NewEncoder().String("Счёт/Акт №1.pdf")
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(packed(t,
		file("a.txt", "one"), file("dir/", ""), file(`win\b.txt`, "two"), file("/abs/c.txt", "three"), file(`C:\x\d.txt`, "four"),
		file("../up.txt", "x"), file("x/../../up.txt", "x"), file("__MACOSX/a.txt", "x"), file("dir/.DS_Store", "x"),
		file("a.txt", "one"), file("twice.txt", "1"), file("twice.txt", "2"), file("empty", ""),
		&zip.FileHeader{Name: dos, NonUTF8: true, Comment: "act", Method: zip.Store}, file("Папка/Ёж.txt", "utf"),
	))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range a.Entries() {
		names = append(names, e.Name)
		if e.Twice != (e.Name == "twice.txt") || e.Locked {
			t.Errorf("%+v", e)
		}
	}
	want := []string{"a.txt", "win/b.txt", "abs/c.txt", "x/d.txt", "twice.txt", "empty", "Счёт/Акт №1.pdf", "Папка/Ёж.txt"}
	if !slices.Equal(names, want) {
		t.Errorf("entries %q, want %q", names, want)
	}
	for name, want := range map[string]string{"win/b.txt": "two", "x/d.txt": "four", "Счёт/Акт №1.pdf": "act"} {
		f, err := a.Read(name, 10)
		if err != nil || string(f.Content) != want || strings.Contains(f.Name, "/") {
			t.Errorf("%s: %+v %v", name, f, err)
		}
	}
	for name, want := range map[string]string{"empty": fetch.Empty, "Папка/Ёж.txt": fetch.TooLarge, "nowhere": fetch.EntryDamaged} {
		if _, err := a.Read(name, 2); code(t, err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// patched changes the directory's record of the first entry.
func patched(b []byte, change func(record []byte)) []byte {
	b = slices.Clone(b)
	change(b[bytes.Index(b, []byte("PK\x01\x02")):])
	return b
}

func TestHostileArchives(t *testing.T) {
	good := packed(t, file("a.txt", "content of a"))
	zeros := packed(t, file("zeros", strings.Repeat("\x00", 8<<20)))
	var many bytes.Buffer
	w := zip.NewWriter(&many)
	for i := range 10_001 {
		if _, err := w.Create(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The number of entries is a lie; the library would read them all.
	lying := slices.Clone(many.Bytes())
	end := bytes.LastIndex(lying, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint16(lying[end+8:], 1)
	binary.LittleEndian.PutUint16(lying[end+10:], 1)
	for name, tt := range map[string]struct {
		content []byte
		code    string
	}{
		"nothing":        {nil, fetch.ArchiveDamaged},
		"text":           {[]byte("Title;Number\nA;1\n"), fetch.ArchiveDamaged},
		"cut off":        {good[:len(good)-10], fetch.ArchiveDamaged},
		"no files":       {packed(t, file("dir/", "")), fetch.ArchiveEmpty},
		"empty":          {packed(t), fetch.ArchiveEmpty},
		"bomb":           {zeros, fetch.ArchiveBomb},
		"too many":       {many.Bytes(), fetch.ArchiveMany},
		"too many, lies": {lying, fetch.ArchiveDamaged},
		"encrypted":      {patched(good, func(r []byte) { r[8] |= 1 }), fetch.ArchiveLocked},
		"unknown method": {patched(good, func(r []byte) { r[10] = 99 }), fetch.ArchiveLocked},
	} {
		if _, err := open(tt.content); code(t, err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	// Sizes and checksums that lie show when the file is read.
	for name, change := range map[string]func([]byte){
		"checksum": func(r []byte) { r[16] ^= 1 },
		"smaller":  func(r []byte) { binary.LittleEndian.PutUint32(r[24:], 3) },
		"larger":   func(r []byte) { binary.LittleEndian.PutUint32(r[24:], 1000) },
		"offset":   func(r []byte) { binary.LittleEndian.PutUint32(r[42:], 5) },
	} {
		a, err := open(patched(good, change))
		if err != nil {
			continue // refused as a whole is as good
		}
		if f, err := a.Read("a.txt", 100); err == nil && crc32.ChecksumIEEE(f.Content) != crc32.ChecksumIEEE([]byte("content of a")) {
			t.Errorf("%s: %q", name, f.Content)
		} else if err != nil {
			code(t, err)
		}
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(packed(f, file("a.txt", "one"), file("b/c.txt", "two")))
	f.Add(packed(f, &zip.FileHeader{Name: "\x8f\xe0.txt", NonUTF8: true, Comment: "x"}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := open(b)
		if err != nil {
			code(t, err)
			return
		}
		for _, e := range a.Entries() {
			if strings.HasPrefix(e.Name, "/") || strings.Contains("/"+e.Name+"/", "/../") || e.Name == "" {
				t.Fatalf("a name that leads elsewhere: %q", e.Name)
			}
			got, err := a.Read(e.Name, 1<<16)
			if err != nil {
				code(t, err)
			} else if len(got.Content) > 1<<16 || strings.ContainsAny(got.Name, "/\\") {
				t.Fatalf("%q: %d bytes", got.Name, len(got.Content))
			}
		}
	})
}
