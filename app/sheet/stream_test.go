package sheet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// endless is a file that is made while it is read: a header, and rows of
// one length.
type endless struct {
	header, row string
	rows        int64
	reads       []int64 // offset and length of each read
}

func (e *endless) Size() int64 { return int64(len(e.header)) + e.rows*int64(len(e.row)) }

func (e *endless) ReadAt(p []byte, at int64) (int, error) {
	e.reads = append(e.reads, at, int64(len(p)))
	for n := range p {
		i := at + int64(n)
		switch {
		case i >= e.Size():
			return n, io.EOF
		case i < int64(len(e.header)):
			p[n] = e.header[i]
		default:
			p[n] = e.row[(i-int64(len(e.header)))%int64(len(e.row))]
		}
	}
	return len(p), nil
}

// peak is a writer that watches the heap while something is written to it.
type peak struct{ most uint64 }

func (p *peak) Write(b []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapInuse)
	return len(b), nil
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	used := func(rows int64) uint64 {
		src := &endless{header: "Name;Город;Note\n", row: "Анна Иванова;Казань;\"a, \"\"b\"\"\nc\"\n", rows: rows}
		runtime.GC()
		var p peak
		table, err := sheet.Normalise(context.Background(), src, reading(';', 1), &p, io.Discard, func(sheet.Row) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if int64(table.Rows) != rows {
			t.Fatalf("%d rows, want %d", table.Rows, rows)
		}
		return p.most
	}
	small, large := used(20_000), used(800_000)
	t.Logf("heap in use at most: %d KB for 20,000 rows, %d KB for 800,000", small>>10, large>>10)
	if large > small+8<<20 {
		t.Errorf("heap grows from %d to %d bytes", small, large)
	}
}

// Files are decrypted while they are read: small or scattered reads would
// decrypt the same package again and again.
func TestReadsAreLargeAndInOrder(t *testing.T) {
	src := &endless{header: "a,b\n", row: "1,2\n", rows: 1 << 20}
	if _, err := sheet.Normalise(context.Background(), src, reading(',', 1), io.Discard, io.Discard, nil, nil); err != nil {
		t.Fatal(err)
	}
	if most := int(src.Size()/(256<<10)) + 8; len(src.reads)/2 > most {
		t.Errorf("%d reads for %d bytes, want at most %d", len(src.reads)/2, src.Size(), most)
	}
	back := 0
	for i := 2; i < len(src.reads); i += 2 {
		if src.reads[i] < src.reads[i-2] {
			back++
		}
	}
	if back > 3 {
		t.Errorf("went back %d times", back)
	}
}

func TestProgressGrowsToTheSize(t *testing.T) {
	book := book{sheets: []string{inline([]string{"a", "b"}) + strings.Repeat("<row><c><v>1</v></c><c><v>2</v></c></row>", 50_000)}}.bytes()
	for name, src := range map[string]sheet.Source{"csv": &endless{header: "a,b\n", row: "1,2\n", rows: 300_000}, "xlsx": bytes.NewReader(book)} {
		t.Run(name, func(t *testing.T) {
			last := int64(0)
			_, err := sheet.Normalise(context.Background(), src, sheet.Reading{HeaderRow: 1}, io.Discard, io.Discard, nil, func(done int64) {
				if done < last || done > src.Size() {
					t.Errorf("%d behind %d of %d", done, last, src.Size())
				}
				last = done
			})
			if err != nil || last != src.Size() {
				t.Errorf("ended at %d of %d, %v", last, src.Size(), err)
			}
		})
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	src := &endless{header: "a,b\n", row: "1,2\n", rows: 1 << 30}
	rows := 0
	_, err := sheet.Normalise(ctx, src, reading(',', 1), io.Discard, io.Discard, func(sheet.Row) error {
		if rows++; rows == 1000 {
			cancel()
		}
		return nil
	}, nil)
	if !errors.Is(err, context.Canceled) || rows > 1_000_000 {
		t.Errorf("%v after %d rows", err, rows)
	}
}

func TestErrorsOfTheCallerComeBack(t *testing.T) {
	want := errors.New("enough")
	_, err := sheet.Normalise(context.Background(), strings.NewReader("a,b\n1,2\n"), reading(',', 1), io.Discard, io.Discard, func(sheet.Row) error { return want }, nil)
	if !errors.Is(err, want) {
		t.Errorf("row: %v", err)
	}
	_, err = sheet.Normalise(context.Background(), strings.NewReader("a,b\n1,2\n"), reading(',', 1), failing{want}, io.Discard, nil, nil)
	if !errors.Is(err, want) || code(err) != "" {
		t.Errorf("canon: %v", err)
	}
	_, err = sheet.Inspect(context.Background(), brokenSource{want}, "a.csv", "en")
	if !errors.Is(err, want) || code(err) != "" {
		t.Errorf("source: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

type brokenSource struct{ err error }

func (b brokenSource) ReadAt([]byte, int64) (int, error) { return 0, b.err }
func (b brokenSource) Size() int64                       { return 100 }

// More shared strings than stay in memory go to a file that nobody else can
// open, and come back as they were.
func TestManySharedStrings(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const rows = 60_000
	var data, shared strings.Builder
	value := func(i int) string {
		return fmt.Sprintf("значение номер %d %s", i, strings.Repeat("ё", i%90))
	}
	data.WriteString(`<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>`)
	for i := range rows {
		shared.WriteString("<si><t>" + value(i) + "</t></si>")
		// In order, and far back.
		fmt.Fprintf(&data, `<row><c t="s"><v>%d</v></c><c t="s"><v>%d</v></c></row>`, i, (i*7919)%(i+1))
	}
	file := book{sheets: []string{data.String()}, strings: shared.String()}.bytes()
	seen, inFile := 0, false
	_, err := sheet.Normalise(context.Background(), bytes.NewReader(file), sheet.Reading{HeaderRow: 1}, io.Discard, io.Discard, func(r sheet.Row) error {
		if want := []string{value(seen), value((seen * 7919) % (seen + 1))}; !slices.Equal(r.Cells, want) {
			return fmt.Errorf("row %d: %q, want %q", r.Number, r.Cells, want)
		}
		if seen++; seen == rows {
			inFile = openTemporary(dir)
		}
		return nil
	}, nil)
	if err != nil || seen != rows {
		t.Fatalf("%d rows, %v", seen, err)
	}
	if runtime.GOOS == "linux" && !inFile {
		t.Error("no temporary file was used: the test is too small")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// openTemporary reports whether this process has an unlinked file open in dir.
func openTemporary(dir string) bool {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return false
	}
	for _, f := range files {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.HasPrefix(to, dir) && strings.HasSuffix(to, "(deleted)") {
			return true
		}
	}
	return false
}

// No character is torn where one read of the file ends and the next begins,
// and what is no UTF-8 is repaired wherever it stands.
func TestTextIsWholeAcrossReads(t *testing.T) {
	const rows = 40_000
	for _, broken := range []string{"", "\xd0", "\xe2\x84", "\xff"} {
		var file bytes.Buffer
		file.WriteString("Name,Next\n")
		for i := range rows {
			bad := ""
			if i%1000 == 999 {
				bad = broken
			}
			// Of many lengths, so that reads end at every place of them.
			fmt.Fprintf(&file, "№ Ж😀%s,%s\n", bad, strings.Repeat("я", i%7))
		}
		n, err := normalise(file.Bytes(), reading(',', 1))
		if err != nil || len(n.rows) != rows {
			t.Fatalf("%q: %d rows, %v", broken, len(n.rows), err)
		}
		for i, r := range n.rows {
			want := "№ Ж😀"
			if i%1000 == 999 {
				want += strings.Repeat("\ufffd", len(broken))
			}
			if r.Cells[0] != want || r.Cells[1] != strings.Repeat("я", i%7) {
				t.Fatalf("%q: row %d is %q", broken, i, r.Cells)
			}
		}
	}
}
