package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
)

const (
	bigFile    = 256 << 20
	slice      = 8 << 20
	lineLength = 64
	// uploadMemory is what the program may have resident at most.
	uploadMemory = 64 << 20
)

// bigLine is one line of the big file: its place in the file is known, so
// the file need not exist anywhere.
func bigLine(n int64) string {
	if n == 0 {
		return fmt.Sprintf("%-*s\n", lineLength-1, "Title;Number")
	}
	return fmt.Sprintf("%-*s\n", lineLength-1, fmt.Sprintf("Contract %d;N-%d", n, n*7919))
}

// bigPart is the file from offset on, n bytes of it.
func bigPart(offset, n int64) io.Reader {
	lines := func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 64<<10)
		skip := offset % lineLength
		for line := offset / lineLength; n > 0; line++ {
			text := bigLine(line)[skip:]
			skip = 0
			text = text[:min(int64(len(text)), n)]
			n -= int64(len(text))
			if _, err := b.WriteString(text); err != nil {
				return err
			}
		}
		return b.Flush()
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(lines(w)) }()
	return r
}

// TestBigUpload sends 256 MB, with the connection cut five times in the
// middle of a slice. Every byte arrives once, and the program stays small.
func TestBigUpload(t *testing.T) {
	s := newSite(t, "")
	token, hash := vault.NewToken()
	db, files := s.open()
	s.must(db.CreateSession(t.Context(), portal.Session{
		Hash: hash, Portal: s.portal.MemberID(), MemberID: s.portal.MemberID(), User: 1, Admin: true, Lang: "en",
		Created: time.Now(), Seen: time.Now(),
	}))
	s.must(db.Close())
	s.must(files.Close())

	p := s.start()
	idle := p.resident()
	up := &bigUpload{t: t, p: p, token: token}
	up.create()
	cuts := 0
	for up.offset < bigFile {
		number := up.offset / slice
		if cuts < 5 && number == int64(cuts)*6+2 {
			cuts++
			up.cut(up.offset, slice/3+int64(cuts)*100_003)
			continue
		}
		up.send(up.offset, min(slice, bigFile-up.offset))
	}
	peak := p.peak()
	t.Logf("%d cuts; resident %d MB idle, %d MB at most", cuts, idle>>20, peak>>20)
	if peak > uploadMemory {
		t.Errorf("the program had %d MB resident", peak>>20)
	}
	if !up.done {
		t.Error("the last answer does not say that the upload is done")
	}
	p.stop()
	s.sameBytes(up.id)
}

// sameBytes compares what the depot keeps with the file.
func (s *site) sameBytes(id string) {
	s.t.Helper()
	db, files := s.open()
	defer db.Close()
	defer files.Close()
	u, err := db.Upload(s.t.Context(), s.portal.MemberID(), id)
	s.must(err)
	kept, closer, err := files.Open(s.t.Context(), "uploads/"+id+"/source", u.Key)
	s.must(err)
	defer closer.Close()
	want, got := sha256.New(), sha256.New()
	_, err = io.Copy(want, bigPart(0, bigFile))
	s.must(err)
	_, err = io.Copy(got, kept)
	s.must(err)
	if string(want.Sum(nil)) != string(got.Sum(nil)) {
		s.t.Errorf("the kept file of %d bytes is not the one that was sent", kept.Size())
	}
}

// bigUpload is a browser that sends a file in slices.
type bigUpload struct {
	t      *testing.T
	p      *process
	token  string
	id     string
	offset int64
	done   bool
}

type uploadState struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done"`
	Error  string `json:"error"`
}

func (u *bigUpload) do(req *http.Request) (status int, state uploadState) {
	u.t.Helper()
	req.Header.Set("X-App-Session", u.token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&state); err != nil {
		u.t.Fatalf("%s %s: %s: %v", req.Method, req.URL.Path, answer.Status, err)
	}
	return answer.StatusCode, state
}

func (u *bigUpload) create() {
	u.t.Helper()
	form := url.Values{"name": {"big.csv"}, "size": {strconv.Itoa(bigFile)}}
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodPost, u.p.url+"/uploads", strings.NewReader(form.Encode()))
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, state := u.do(req)
	if status != http.StatusCreated || state.ID == "" {
		u.t.Fatalf("creating the upload: %d %+v", status, state)
	}
	u.id = state.ID
}

// send sends one slice. A conflict tells where to go on.
func (u *bigUpload) send(offset, n int64) {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodPatch, u.p.url+"/uploads/"+u.id, bigPart(offset, n))
	if err != nil {
		u.t.Fatal(err)
	}
	req.ContentLength = n
	req.Header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	req.Header.Set("Content-Type", "application/offset+octet-stream")
	status, state := u.do(req)
	if status != http.StatusOK && status != http.StatusConflict {
		u.t.Fatalf("slice at %d: %d %+v", offset, status, state)
	}
	u.offset, u.done = state.Offset, state.Done
}

// cut announces a slice and breaks the line after a part of it.
func (u *bigUpload) cut(offset, after int64) {
	u.t.Helper()
	address := strings.TrimPrefix(u.p.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		u.t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH /uploads/%s HTTP/1.1\r\nHost: %s\r\nX-App-Session: %s\r\nUpload-Offset: %d\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", u.id, address, u.token, offset, slice)
	if _, err := io.Copy(conn, bigPart(offset, after)); err != nil {
		u.t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		u.t.Fatal(err)
	}
	// The program notices the end by itself; what it has kept by then is
	// where the next slice goes on.
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); pause(u.t, 10*time.Millisecond) {
		req, err := http.NewRequestWithContext(u.t.Context(), http.MethodHead, u.p.url+"/uploads/"+u.id, nil)
		if err != nil {
			u.t.Fatal(err)
		}
		req.Header.Set("X-App-Session", u.token)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			u.t.Fatal(err)
		}
		answer.Body.Close()
		have, err := strconv.ParseInt(answer.Header.Get("Upload-Offset"), 10, 64)
		if err != nil {
			u.t.Fatalf("asking for the offset: %s", answer.Status)
		}
		if have > offset {
			u.offset = have
			return
		}
	}
	u.t.Fatalf("nothing of the slice at %d was kept", offset)
}
