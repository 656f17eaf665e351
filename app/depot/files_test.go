package depot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/depot"
)

// files is importer.Files; depot itself does not know that name.
type files interface {
	Append(ctx context.Context, name string, key []byte, offset int64, r io.Reader) (int64, error)
	Size(ctx context.Context, name string) (int64, error)
	Write(ctx context.Context, name string, key []byte, fill func(io.Writer) error) error
	Open(ctx context.Context, name string, key []byte) (*io.SectionReader, io.Closer, error)
	Delete(ctx context.Context, name string) error
}

// store is a depot and a way to meddle with what it has stored.
type store struct {
	files
	names  func() []string
	change func(name string, f func([]byte) []byte) // nil result: deleted
}

func folder(t *testing.T) store {
	dir := t.TempDir()
	f, err := depot.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return store{
		files: f,
		names: func() []string {
			var all []string
			err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					rel, _ := filepath.Rel(dir, p)
					all = append(all, filepath.ToSlash(rel))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
		change: func(name string, f func([]byte) []byte) {
			p := filepath.Join(dir, filepath.FromSlash(name))
			old, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if b := f(old); b != nil {
				err = os.WriteFile(p, b, 0o600)
			} else {
				err = os.Remove(p)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

func bucket(t *testing.T) store {
	s3 := newS3(t)
	b, err := depot.OpenBucket(t.Context(), s3.address("uploads/here"))
	if err != nil {
		t.Fatal(err)
	}
	return store{files: b, names: s3.names, change: s3.change}
}

// each runs a test on both kinds of depot.
func each(t *testing.T, test func(t *testing.T, s store)) {
	t.Run("folder", func(t *testing.T) { test(t, folder(t)) })
	t.Run("bucket", func(t *testing.T) { test(t, bucket(t)) })
}

var key = bytes.Repeat([]byte{7}, 32)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

func appendAll(t *testing.T, s store, name string, data []byte, slice int) {
	t.Helper()
	for at := 0; at < len(data); at += slice {
		part := data[at:min(at+slice, len(data))]
		size, err := s.Append(t.Context(), name, key, int64(at), bytes.NewReader(part))
		if err != nil || size != int64(at+len(part)) {
			t.Fatalf("append at %d = %d, %v", at, size, err)
		}
	}
}

func write(t *testing.T, s store, name string, data []byte) {
	t.Helper()
	err := s.Write(t.Context(), name, key, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(ctx context.Context, s store, name string, key []byte) ([]byte, error) {
	r, c, err := s.Open(ctx, name, key)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, c.Close())
}

func TestWriteThenRead(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		for _, n := range []int{0, 1, 65535, 65536, 65537, 256 << 10, 256<<10 + 1, 3 << 20} {
			name, data := fmt.Sprintf("imports/x/n%d", n), noise(n)
			write(t, s, name, data)
			got, err := read(t.Context(), s, name, key)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes: read %d, %v", n, len(got), err)
			}
		}
	})
}

func TestWriteReplacesOnlyWhenFilled(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		write(t, s, "a/b", []byte("first"))
		boom := errors.New("boom")
		err := s.Write(t.Context(), "a/b", key, func(w io.Writer) error {
			if _, err := w.Write(noise(200_000)); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("error = %v", err)
		}
		if got, err := read(t.Context(), s, "a/b", key); err != nil || string(got) != "first" {
			t.Errorf("after a failed write: %q, %v", got, err)
		}
		write(t, s, "a/b", []byte("second"))
		if got, err := read(t.Context(), s, "a/b", key); err != nil || string(got) != "second" {
			t.Errorf("after the second write: %q, %v", got, err)
		}
		if n := len(s.names()); n != 1 {
			t.Errorf("%d things stored, want 1: %v", n, s.names())
		}
	})
}

// However an upload is cut, its bytes are those that arrived, in order, and
// reading anywhere gives the plain bytes of there.
func TestAppendIsThePlainBytes(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		nth := 0
		rapid.Check(t, func(rt *rapid.T) {
			nth++
			name := fmt.Sprintf("uploads/u%d/source", nth)
			var plain []byte
			for range rapid.IntRange(1, 6).Draw(rt, "slices") {
				data := noise(rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(60_000, 70_000), rapid.IntRange(0, 600_000)).Draw(rt, "size"))
				var r io.Reader = bytes.NewReader(data)
				cut := rapid.Bool().Draw(rt, "cut")
				if cut {
					data = data[:rapid.IntRange(0, len(data)).Draw(rt, "at")]
					r = io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF))
				}
				if rapid.IntRange(0, 4).Draw(rt, "wrong") == 0 {
					wrong := int64(len(plain)) + rapid.SampledFrom([]int64{-1, 1, 1000}).Draw(rt, "by")
					have, err := s.Append(t.Context(), name, key, wrong, bytes.NewReader(data))
					if off := (*depot.OffsetError)(nil); !errors.As(err, &off) || off.Have != int64(len(plain)) || have != off.Have {
						rt.Fatalf("append at %d of %d = %d, %v", wrong, len(plain), have, err)
					}
				}
				size, err := s.Append(t.Context(), name, key, int64(len(plain)), r)
				if cut != errors.Is(err, io.ErrUnexpectedEOF) {
					rt.Fatalf("cut %v, error %v", cut, err)
				}
				plain = append(plain, data...)
				if size != int64(len(plain)) {
					rt.Fatalf("size after append = %d, want %d", size, len(plain))
				}
			}
			if size, err := s.Size(t.Context(), name); err != nil || size != int64(len(plain)) {
				rt.Fatalf("size = %d, %v, want %d", size, err, len(plain))
			}
			if len(plain) == 0 {
				return
			}
			r, c, err := s.Open(t.Context(), name, key)
			if err != nil {
				rt.Fatal(err)
			}
			defer c.Close()
			if r.Size() != int64(len(plain)) {
				rt.Fatalf("open file has %d bytes, want %d", r.Size(), len(plain))
			}
			for range 10 {
				from := rapid.IntRange(0, len(plain)).Draw(rt, "from")
				p := make([]byte, rapid.IntRange(1, 100_000).Draw(rt, "length"))
				n, err := r.ReadAt(p, int64(from))
				want := plain[from:min(from+len(p), len(plain))]
				if !bytes.Equal(p[:n], want) || (n < len(p)) != (err == io.EOF) || (err != nil && err != io.EOF) {
					rt.Fatalf("reading %d at %d of %d = %d, %v", len(p), from, len(plain), n, err)
				}
			}
		})
	})
}

func TestOneOfTwoAppendsWins(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		// Both have passed the look at the size when either commits.
		var both sync.WaitGroup
		both.Add(2)
		datas := [2][]byte{noise(1000), noise(2000)}
		var errs [2]error
		var sizes [2]int64
		var done sync.WaitGroup
		for i := range 2 {
			done.Go(func() {
				meet := readerFunc(func([]byte) (int, error) { both.Done(); both.Wait(); return 0, io.EOF })
				sizes[i], errs[i] = s.Append(t.Context(), "u/source", key, 0, io.MultiReader(bytes.NewReader(datas[i]), meet))
			})
		}
		done.Wait()
		won := 0
		if errs[0] != nil {
			won = 1
		}
		if errs[won] != nil || sizes[won] != int64(len(datas[won])) {
			t.Fatalf("nobody won: %v, %v", errs[0], errs[1])
		}
		off := (*depot.OffsetError)(nil)
		if !errors.As(errs[1-won], &off) || off.Have != sizes[won] {
			t.Errorf("the loser got %v, want the winner's size %d", errs[1-won], sizes[won])
		}
		if got, err := read(t.Context(), s, "u/source", key); err != nil || !bytes.Equal(got, datas[won]) {
			t.Errorf("file is not the winner's: %d bytes, %v", len(got), err)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A request's context ends when its client goes; what it sent stays.
func TestAppendKeepsWhatArrivedWhenTheClientIsGone(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		ctx, cancel := context.WithCancel(t.Context())
		gone := readerFunc(func([]byte) (int, error) { cancel(); return 0, ctx.Err() })
		size, err := s.Append(ctx, "u/source", key, 0, io.MultiReader(strings.NewReader("hello"), gone))
		if size != 5 || !errors.Is(err, context.Canceled) {
			t.Fatalf("append = %d, %v", size, err)
		}
		if got, err := read(t.Context(), s, "u/source", key); err != nil || string(got) != "hello" {
			t.Errorf("kept %q, %v", got, err)
		}
	})
}

func TestNothingIsReadableWithoutTheKey(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		secret := []byte("Ивановский завод, +7 000 000-00-00")
		write(t, s, "a/whole", secret)
		write(t, s, "a/empty", nil)
		appendAll(t, s, "a/parts", bytes.Repeat(secret, 100), 1000)
		other := bytes.Repeat([]byte{8}, 32)
		for _, name := range []string{"a/whole", "a/empty", "a/parts"} {
			if _, err := read(t.Context(), s, name, other); !errors.Is(err, depot.ErrDamaged) {
				t.Errorf("%s with another key: %v", name, err)
			}
		}
		for _, n := range s.names() {
			s.change(n, func(b []byte) []byte {
				if bytes.Contains(b, []byte("завод")) {
					t.Errorf("%s shows its text", n)
				}
				return b
			})
		}
	})
}

func TestDamageIsNoticed(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }
	for name, damage := range map[string]func([]byte) []byte{
		"first byte":            flip(0),
		"header":                flip(33),
		"middle":                flip(100_000),
		"last byte":             flip(-1),
		"one byte off":          cut(1),
		"cut at a package":      func(b []byte) []byte { return b[:32+65568] },
		"cut to nothing":        func([]byte) []byte { return []byte{} },
		"only the salt":         func(b []byte) []byte { return b[:32] },
		"one byte more":         func(b []byte) []byte { return append(b, 0) },
		"packages swapped":      func(b []byte) []byte { return slicesOf(b, 32+65568, 32) },
		"a package twice":       func(b []byte) []byte { return append(b[:32+65568:32+65568], b[32:]...) },
		"first package missing": func(b []byte) []byte { return append(b[:32:32], b[32+65568:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s store) {
				write(t, s, "a/whole", noise(200_000))
				appendAll(t, s, "b/parts", noise(600_000), 200_000)
				for _, n := range s.names() {
					old := []byte(nil)
					s.change(n, func(b []byte) []byte { old = bytes.Clone(b); return damage(b) })
					name, _, _ := strings.Cut(strings.TrimPrefix(n, "here/"), "@")
					if _, err := read(t.Context(), s, name, key); !errors.Is(err, depot.ErrDamaged) {
						t.Errorf("%s: %v", n, err)
					}
					s.change(n, func([]byte) []byte { return old })
					if _, err := read(t.Context(), s, name, key); err != nil {
						t.Fatalf("%s repaired: %v", n, err)
					}
				}
			})
		})
	}
}

// slicesOf swaps the first two packages that begin at second-65568.
func slicesOf(b []byte, second, first int) []byte {
	out := bytes.Clone(b[:first])
	out = append(out, b[second:second+65568]...)
	out = append(out, b[first:second]...)
	return append(out, b[second+65568:]...)
}

func TestMissingOrMovedParts(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		appendAll(t, s, "u/a", noise(3000), 1000)
		appendAll(t, s, "u/b", noise(3000), 1000)
		var a, b []byte
		names := s.names()
		s.change(names[1], func(x []byte) []byte { a = bytes.Clone(x); return x })
		s.change(names[4], func(x []byte) []byte { b = bytes.Clone(x); return x })
		s.change(names[1], func([]byte) []byte { return b })
		s.change(names[4], func([]byte) []byte { return a })
		for _, name := range []string{"u/a", "u/b"} {
			if _, err := read(t.Context(), s, name, key); !errors.Is(err, depot.ErrDamaged) {
				t.Errorf("%s with a part of the other: %v", name, err)
			}
		}
		s.change(names[1], func([]byte) []byte { return nil })
		if _, err := read(t.Context(), s, "u/a", key); !errors.Is(err, depot.ErrDamaged) {
			t.Errorf("part missing in the middle: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		appendAll(t, s, "uploads/1/source", noise(3000), 1000)
		write(t, s, "uploads/1/r0/canon", noise(10))
		write(t, s, "uploads/1", noise(10)) // a file may be called like a directory
		write(t, s, "uploads/12/source", noise(10))
		write(t, s, "uploads/1.x", noise(10))
		for range 2 {
			if err := s.Delete(t.Context(), "uploads/1"); err != nil {
				t.Fatal(err)
			}
		}
		for _, gone := range []string{"uploads/1/source", "uploads/1/r0/canon", "uploads/1", "never/there"} {
			if _, err := read(t.Context(), s, gone, key); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", gone, err)
			}
		}
		if size, err := s.Size(t.Context(), "uploads/1/source"); size != 0 || err != nil {
			t.Errorf("size of what is gone = %d, %v", size, err)
		}
		for _, there := range []string{"uploads/12/source", "uploads/1.x"} {
			if _, err := read(t.Context(), s, there, key); err != nil {
				t.Errorf("%s: %v", there, err)
			}
		}
		if n := len(s.names()); n != 2 {
			t.Errorf("left behind: %v", s.names())
		}
	})
}

func TestNamesAndKeysAreChecked(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		for _, name := range []string{"", "/", "/etc/passwd", "..", "a/../../b", "a//b", "a/", ".arriving", "a/.b", "a@", "a b", "ä", "a\\b", "a\x00", "c:", strings.Repeat("a", 200), strings.Repeat("a/", 20) + "a"} {
			if _, err := s.Append(t.Context(), name, key, 0, strings.NewReader("x")); err == nil {
				t.Errorf("append to %q", name)
			}
			if err := s.Write(t.Context(), name, key, func(io.Writer) error { return nil }); err == nil {
				t.Errorf("write %q", name)
			}
			if _, _, err := s.Open(t.Context(), name, key); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open %q: %v", name, err)
			}
			if err := s.Delete(t.Context(), name); err == nil {
				t.Errorf("delete %q", name)
			}
			if _, err := s.Size(t.Context(), name); err == nil {
				t.Errorf("size of %q", name)
			}
		}
		for _, k := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
			if err := s.Write(t.Context(), "a", k, func(io.Writer) error { return nil }); err == nil {
				t.Errorf("wrote with a key of %d bytes", len(k))
			}
		}
		if len(s.names()) != 0 {
			t.Errorf("stored %v", s.names())
		}
	})
}

func TestReaderServesManyAndEnds(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		data := noise(2 << 20)
		appendAll(t, s, "u/source", data, 700_000)
		r, c, err := s.Open(t.Context(), "u/source", key)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for at := i * 1000; at < len(data); at += 300_000 {
					p := make([]byte, min(5000, len(data)-at))
					if _, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, data[at:at+len(p)]) {
						t.Errorf("reading at %d: %v", at, err)
					}
				}
			})
		}
		all.Wait()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("read after close")
		}
	})
}

// Memory stays the same however long the file is.
func TestMemoryIsConstant(t *testing.T) {
	s := folder(t)
	const size = 96 << 20
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	look := func() {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
	}
	n := 0
	in := readerFunc(func(p []byte) (int, error) {
		if n += len(p); n%(8<<20) < len(p) {
			look()
		}
		return len(p), nil
	})
	if _, err := s.Append(t.Context(), "u/source", key, 0, io.LimitReader(in, size)); err != nil {
		t.Fatal(err)
	}
	r, c, err := s.Open(t.Context(), "u/source", key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := make([]byte, 64<<10)
	for at := int64(0); at < r.Size(); at += 4 << 20 {
		if _, err := r.ReadAt(p, at); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		look()
	}
	if peak > 24<<20 {
		t.Errorf("%d MB of heap for a file of %d MB", peak>>20, size>>20)
	}
}

func BenchmarkAppend(b *testing.B)  { benchmark(b, true) }
func BenchmarkReadAll(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, writing bool) {
	f, err := depot.OpenFolder(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data := noise(8 << 20)
	b.SetBytes(int64(len(data)))
	if !writing {
		if _, err := f.Append(b.Context(), "u", key, 0, bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		if writing {
			if _, err := f.Append(b.Context(), fmt.Sprintf("u%d", i), key, 0, bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
			continue
		}
		r, c, err := f.Open(b.Context(), "u", key)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, make([]byte, 4096)); err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
