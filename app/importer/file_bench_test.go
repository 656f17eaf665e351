//go:build linux

package importer_test

import (
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
//	inspect    sheet.Inspect: what the first step shows
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
// excelize. All of it is printed once more as a table at the end.
func BenchmarkFile(b *testing.B) {
	var done []fileLine
	for _, rows := range []int{10_000, 100_000, 1_000_000} {
		b.Run(map[int]string{10_000: "10k", 100_000: "100k", 1_000_000: "1M"}[rows], func(b *testing.B) {
			dir := b.TempDir()
			table, book := filepath.Join(dir, "file.csv"), filepath.Join(dir, "file.xlsx")
			writeFile(b, table, func(w io.Writer) error { return writeTable(w, rows) })
			writeFile(b, book, func(w io.Writer) error { return writeBook(w, rows) })
			base := map[string]float64{}
			for _, part := range []struct{ name, file, against string }{
				{"csv", table, "csv"}, {"inspect", table, "csv"}, {"normalise", table, "csv"}, {"read", table, "csv"}, {"check", table, "csv"},
				{"excelize", book, "excelize"}, {"xlsx", book, "excelize"},
			} {
				b.Run(part.name, func(b *testing.B) {
					best := measureBest(b, part.name, part.file, rows)
					cpu := best.CPU.Seconds()
					base[part.name] = cpu
					b.ReportMetric(float64(best.Wall.Nanoseconds()), "ns/op")
					b.ReportMetric(cpu*1000, "cpu-ms/op")
					b.ReportMetric(float64(best.Peak)/(1<<20), "peak-MB")
					line := fileLine{rows: rows, part: part.name, against: part.against, filePart: best}
					if from := base[part.against]; from > 0 {
						line.times = cpu / from
						b.ReportMetric(line.times, "x")
					}
					done = append(done, line)
				})
			}
		})
	}
	printFileTable(os.Stdout, done)
}

// fileLine is one line of the table.
type fileLine struct {
	filePart
	rows          int
	part, against string
	times         float64 // 0: what it is measured against was not run
}

// printFileTable prints what BenchmarkFile has measured, for people.
func printFileTable(w io.Writer, lines []fileLine) {
	what := map[string]string{
		"csv":       "csv: encoding/csv, nothing kept",
		"inspect":   "inspect: how to read it, the first rows",
		"normalise": "normalise: every row seen, canonical form written",
		"read":      "read: the same in the app, sealed, columns profiled",
		"check":     "check: every cell understood, every name looked up",
		"excelize":  "excelize: the rows of a workbook, nothing kept",
		"xlsx":      "xlsx: normalise for the same workbook",
	}
	fmt.Fprintf(w, "\n| %7s | %-51s | %9s | %9s | %-15s | %7s |\n", "rows", "what", "CPU", "elapsed", "CPU against", "peak MB")
	fmt.Fprintf(w, "|--------:|%s|----------:|----------:|-----------------|--------:|\n", strings.Repeat("-", 53))
	for _, l := range lines {
		against := ""
		if l.times > 0 {
			against = fmt.Sprintf("%.2f × %s", l.times, l.against)
		}
		fmt.Fprintf(w, "| %7d | %-51s | %7.2f s | %7.2f s | %-15s | %7.0f |\n",
			l.rows, what[l.part], l.CPU.Seconds(), l.Wall.Seconds(), against, float64(l.Peak)/(1<<20))
	}
	fmt.Fprintln(w)
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

// measureBest runs a part as often as the benchmark wants.
func measureBest(b *testing.B, part, file string, rows int) filePart {
	b.Helper()
	var best filePart
	for b.Loop() {
		one := measure(b, part, file, rows)
		if best.CPU == 0 || one.CPU < best.CPU {
			best.Wall, best.CPU = one.Wall, one.CPU
		}
		best.Peak = max(best.Peak, one.Peak)
	}
	return best
}

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
		return // only BenchmarkFile asks for it
	}
	rows, err := strconv.Atoi(env[2])
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]func(testing.TB, string, int) func(){
		"csv": bareCSV, "inspect": bareInspect, "normalise": bareNormalise, "xlsx": bareNormalise, "excelize": bareExcelize,
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

// source opens a file for package sheet.
func source(t testing.TB, file string) *io.SectionReader {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return io.NewSectionReader(f, 0, info.Size())
}

func bareInspect(t testing.TB, file string, _ int) func() {
	src := source(t, file)
	return func() {
		if _, err := sheet.Inspect(t.Context(), src, filepath.Base(file), "ru"); err != nil {
			t.Fatal(err)
		}
	}
}

func bareNormalise(t testing.TB, file string, rows int) func() {
	src := source(t, file)
	in, err := sheet.Inspect(t.Context(), src, filepath.Base(file), "ru")
	if err != nil {
		t.Fatal(err)
	}
	return func() {
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
