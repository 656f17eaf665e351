//go:build linux

package importer_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// BenchmarkFile measures what a file costs, from the bare reading of its
// lines to the full check, at three sizes of 12 columns. Each part runs in a
// process of its own, because only so its peak of memory is its own; the time
// is that of the part alone, without the start of the process.
//
//	csv        encoding/csv, nothing kept: what there is to beat
//	normalise  sheet.Normalise into two files, each row seen
//	read       the same as the app does it: decrypted, profiled, encrypted
//	check      every row understood and every name looked up, with the portal
//	           (the emulator) in the same process
//	xlsx       sheet.Normalise of the same rows as a workbook
//	excelize   the same workbook, rows and raw values only
//
// The numbers are those of the run that took the least processor time, since
// others may use the machine, too; the peak is that of all. "x" is the
// processor time against that of csv, or for a workbook against that of
// excelize.
func BenchmarkFile(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"10k", 10_000}, {"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			dir := b.TempDir()
			table, book := filepath.Join(dir, "file.csv"), filepath.Join(dir, "file.xlsx")
			writeFile(b, table, func(w io.Writer) error { return writeTable(w, size.rows) })
			writeFile(b, book, func(w io.Writer) error { return writeBook(w, size.rows) })
			base := map[string]float64{}
			for _, part := range []struct{ name, file, against string }{
				{"csv", table, "csv"}, {"normalise", table, "csv"}, {"read", table, "csv"}, {"check", table, "csv"},
				{"excelize", book, "excelize"}, {"xlsx", book, "excelize"},
			} {
				b.Run(part.name, func(b *testing.B) {
					var best filePart
					for b.Loop() {
						one := measure(b, part.name, part.file, size.rows)
						if best.CPU == 0 || one.CPU < best.CPU {
							best.Wall, best.CPU = one.Wall, one.CPU
						}
						best.Peak = max(best.Peak, one.Peak)
					}
					cpu := best.CPU.Seconds()
					base[part.name] = cpu
					b.ReportMetric(float64(best.Wall.Nanoseconds()), "ns/op")
					b.ReportMetric(cpu*1000, "cpu-ms/op")
					b.ReportMetric(float64(best.Peak)/(1<<20), "peak-MB")
					if from := base[part.against]; from > 0 {
						b.ReportMetric(cpu/from, "x")
					}
				})
			}
		})
	}
}

// filePart is what one part has cost.
type filePart struct {
	Wall, CPU time.Duration
	// Peak is the largest memory the process has had, in bytes.
	Peak int64
}

// partEnv tells a process of this test binary which part it is, on which
// file, of how many rows, and where to write what it cost.
const partEnv = "IMPORTER_FILE_PART"

func measure(b *testing.B, part, file string, rows int) filePart {
	b.Helper()
	result := filepath.Join(b.TempDir(), "result.json")
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestFilePart$", "-test.timeout=1h")
	cmd.Env = append(os.Environ(), partEnv+"="+strings.Join([]string{part, file, strconv.Itoa(rows), result}, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", part, err, out)
	}
	body, err := os.ReadFile(result)
	if err != nil {
		b.Fatal(err)
	}
	var p filePart
	if err := json.Unmarshal(body, &p); err != nil {
		b.Fatal(err)
	}
	return p
}

// TestFilePart is one part of BenchmarkFile in its own process.
func TestFilePart(t *testing.T) {
	env := strings.Split(os.Getenv(partEnv), "\n")
	if len(env) != 4 {
		t.Skip("only BenchmarkFile runs this")
	}
	rows, err := strconv.Atoi(env[2])
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]func(testing.TB, string, int) func(){
		"csv": bareCSV, "normalise": bareNormalise, "xlsx": bareNormalise, "excelize": bareExcelize,
		"read": readByApp, "check": checkByApp,
	}
	run := parts[env[0]](t, env[1], rows)
	from, used := time.Now(), processorTime(t)
	run()
	p := filePart{Wall: time.Since(from), CPU: processorTime(t) - used, Peak: peakMemory(t)}
	body, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(env[3], body, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory is what the kernel says, since the program began.
func peakMemory(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 && err == nil {
			return kb << 10
		}
	}
	t.Fatal("the kernel does not tell the peak of memory")
	return 0
}

func bareCSV(t testing.TB, file string, rows int) func() {
	return func() {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.ReuseRecord = true
		n := 0
		for ; ; n++ {
			if _, err := r.Read(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if n != rows+1 {
			t.Fatalf("%d records", n)
		}
	}
}

func bareNormalise(t testing.TB, file string, rows int) func() {
	return func() {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		src := io.NewSectionReader(f, 0, info.Size())
		in, err := sheet.Inspect(t.Context(), src, filepath.Base(file), "ru")
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, file+".canon", func(canon io.Writer) error {
			writeFile(t, file+".index", func(index io.Writer) error {
				table, err := sheet.Normalise(t.Context(), src, in.Reading, canon, index, func(sheet.Row) error { return nil }, nil)
				if table.Rows != rows {
					t.Errorf("%d rows", table.Rows)
				}
				return err
			})
			return nil
		})
	}
}

func bareExcelize(t testing.TB, file string, rows int) func() {
	return func() {
		f, err := excelize.OpenFile(file, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		list, err := f.Rows("Sheet1")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; list.Next(); n++ {
			if _, err := list.Columns(); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(list.Error(), list.Close()); err != nil || n != rows+1 {
			t.Fatalf("%d rows, %v", n, err)
		}
	}
}

// filePortal is the portal that the benchmark's file is checked against.
func filePortal() emulator.Profile {
	p := profile()
	p.Types[0].Fields = []emulator.Field{
		{Name: "UF_CRM_7_1", Type: "string", Title: "Телефон"}, {Name: "UF_CRM_7_2", Type: "string", Title: "E-mail"},
		{Name: "UF_CRM_7_3", Type: "money", Title: "Сумма"}, {Name: "UF_CRM_7_4", Type: "string", Title: "Валюта"},
		{Name: "UF_CRM_7_5", Type: "date", Title: "Дата"}, {Name: "UF_CRM_7_6", Type: "integer", Title: "Номер"},
		{Name: "UF_CRM_7_7", Type: "url", Title: "Ссылка"}, {Name: "UF_CRM_7_8", Type: "string", Title: "Комментарий"},
	}
	p.Companies = nil
	for i := range fileCompanies {
		p.Companies = append(p.Companies, map[string]any{"title": company(i)})
	}
	return p
}

const fileCompanies = 100

func company(i int) string { return fmt.Sprintf("ООО «Пример %d»", i%fileCompanies) }

// fileFields are the fields of the columns.
var fileFields = []string{"title", "companyId", "assignedById", "UF_CRM_7_1", "UF_CRM_7_2", "UF_CRM_7_3", "UF_CRM_7_4", "UF_CRM_7_5", "stageId", "UF_CRM_7_6", "UF_CRM_7_7", "UF_CRM_7_8"}

// work runs the lanes that have been rung until they have nothing to do.
func (b *bench) work() {
	b.t.Helper()
	lanes := b.bell.take()
	for len(lanes) > 0 {
		next, err := b.svc.Slice(b.ctx(), lanes[0])
		b.must(err)
		if !next.Again {
			lanes = append(lanes[1:], b.bell.take()...)
		} else if wait := time.Until(next.At); wait > 0 {
			time.Sleep(wait)
		}
	}
}

// begun brings the file in and has it wait to be read.
func begun(t testing.TB, file string) (*bench, importer.Import) {
	t.Helper()
	b := newBench(t, filePortal())
	f, err := os.Open(file)
	b.must(err)
	defer f.Close()
	info, err := f.Stat()
	b.must(err)
	u, err := b.svc.CreateUpload(b.ctx(), b.actor, "file.csv", info.Size())
	b.must(err)
	u, err = b.svc.Append(b.ctx(), b.actor, u.ID, 0, f)
	b.must(err)
	imp, err := b.svc.Begin(b.ctx(), b.actor, u.ID)
	b.must(err)
	return b, imp
}

func readByApp(t testing.TB, file string, _ int) func() {
	b, _ := begun(t, file)
	return b.work
}

func checkByApp(t testing.TB, file string, rows int) func() {
	b, imp := begun(t, file)
	b.work()
	_, err := b.svc.SetTarget(b.ctx(), b.actor, imp.ID, importer.Target{EntityTypeID: spa})
	b.must(err)
	view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
	b.must(err)
	var m importer.Mapping
	for i, c := range view.Columns {
		c.Mapping.Field = fileFields[i]
		m.Columns = append(m.Columns, c.Mapping)
	}
	_, err = b.svc.SetMapping(b.ctx(), b.actor, imp.ID, m)
	b.must(err)
	return func() {
		_, err = b.svc.Check(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.work()
		if got := b.reload(imp.ID); got.State != importer.Checked || got.Plan.Created != rows {
			result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
			t.Fatalf("state %s, plan %+v, findings %+v, %v", got.State, got.Plan, result.Findings, err)
		}
	}
}

// fileRow is a row of 12 cells as a CRM has them: Cyrillic, numbers, dates,
// and now and then quotes and a line end.
func fileRow(i int) []string {
	note := "Позвонить после обеда"
	if i%10 == 0 {
		note = "Сказал: \"перезвоните\",\nлучше завтра"
	}
	return []string{
		fmt.Sprintf("Контракт № %d", i), company(i), []string{"Alma Admin", "Uma User"}[i%2],
		fmt.Sprintf("+7 900 %07d", i), fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("%d.%02d", i*7, i%100),
		"EUR", fmt.Sprintf("%02d.%02d.2024", i%28+1, i%12+1), []string{"New", "In work", "Won"}[i%3], strconv.Itoa(i % 300),
		"https://example.org/item/" + strconv.Itoa(i), note,
	}
}

var fileHeader = []string{"Название", "Компания", "Ответственный", "Телефон", "E-mail", "Сумма", "Валюта", "Дата", "Стадия", "Номер", "Ссылка", "Комментарий"}

func writeFile(t testing.TB, name string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err == nil {
		w := bufio.NewWriterSize(f, 64<<10)
		err = errors.Join(write(w), w.Flush(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeTable(w io.Writer, rows int) error {
	c := csv.NewWriter(w)
	err := c.Write(fileHeader)
	for i := 0; i < rows && err == nil; i++ {
		err = c.Write(fileRow(i))
	}
	c.Flush()
	return errors.Join(err, c.Error())
}

// writeBook writes a workbook shaped as Excel shapes it: shared strings, each
// once, and numbers as numbers.
func writeBook(w io.Writer, rows int) error {
	z := zip.NewWriter(w)
	const main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const packed = "http://schemas.openxmlformats.org/package/2006/relationships"
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + packed + `"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packed + `"><Relationship Id="rId1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	} {
		p, err := z.Create(part[0])
		if err == nil {
			_, err = io.WriteString(p, part[1])
		}
		if err != nil {
			return err
		}
	}
	// Strings that repeat are few; the others count on.
	known := map[string]int{}
	var texts bytes.Buffer
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;")
	count := 0
	number := func(text string, repeats bool) int {
		if n, ok := known[text]; ok && repeats {
			return n
		}
		if repeats {
			known[text] = count
		}
		texts.WriteString("<si><t>" + escape.Replace(text) + "</t></si>")
		count++
		return count - 1
	}
	p, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return err
	}
	data := bufio.NewWriterSize(p, 1<<20)
	data.WriteString(`<worksheet xmlns="` + main + `"><sheetData>`)
	for i := range rows + 1 {
		fmt.Fprintf(data, `<row r="%d" spans="1:12">`, i+1)
		cells := fileHeader
		if i > 0 {
			cells = fileRow(i - 1)
		}
		for c, text := range cells {
			if i > 0 && (c == 5 || c == 9) {
				fmt.Fprintf(data, `<c r="%c%d"><v>%s</v></c>`, 'A'+c, i+1, text)
				continue
			}
			repeats := c == 1 || c == 2 || c > 5 && c != 10
			fmt.Fprintf(data, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, i+1, number(text, repeats))
		}
		data.WriteString("</row>")
	}
	data.WriteString("</sheetData></worksheet>")
	if err := data.Flush(); err != nil {
		return err
	}
	if p, err = z.Create("xl/sharedStrings.xml"); err != nil {
		return err
	}
	fmt.Fprintf(p, `<sst xmlns="%s" uniqueCount="%d">`, main, count)
	if _, err := texts.WriteTo(p); err != nil {
		return err
	}
	if _, err := io.WriteString(p, "</sst>"); err != nil {
		return err
	}
	return z.Close()
}
