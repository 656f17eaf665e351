package depot_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/depot"
)

// s3 is as much of an S3 server as the depot asks for: one bucket "uploads".
type s3 struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	blobs  map[string][]byte
	page   int
}

func newS3(t *testing.T) *s3 {
	s := &s3{t: t, blobs: map[string][]byte{}, page: 2}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *s3) address(path string) string {
	return strings.Replace(s.server.URL, "http://", "http://user:hush@", 1) + "/" + path + "?region=eu-central-1&style=path"
}

func (s *s3) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.blobs))
}

func (s *s3) change(name string, f func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := f(bytes.Clone(s.blobs[name])); b != nil {
		s.blobs[name] = b
	} else {
		delete(s.blobs, name)
	}
}

func etag(b []byte) string {
	sum := md5.Sum(b)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (s *s3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=user/") {
		fail(w, http.StatusForbidden, "AccessDenied")
		return
	}
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket != "uploads":
		fail(w, http.StatusNotFound, "NoSuchBucket")
	case name == "" && r.Method == http.MethodHead:
	case name == "" && r.Method == http.MethodGet:
		s.list(w, r)
	case r.Method == http.MethodPut:
		s.put(w, r, name)
	case r.Method == http.MethodGet:
		b, ok := s.blobs[name]
		if !ok {
			fail(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", etag(b))
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(b))
	case r.Method == http.MethodDelete:
		delete(s.blobs, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (s *s3) put(w http.ResponseWriter, r *http.Request, name string) {
	if _, there := s.blobs[name]; there && r.Header.Get("If-None-Match") == "*" {
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	body := io.Reader(r.Body)
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = &chunked{r: bufio.NewReader(r.Body)}
	}
	b, err := io.ReadAll(body)
	want := r.Header.Get("X-Amz-Decoded-Content-Length")
	if err != nil || (want != "" && want != strconv.Itoa(len(b))) {
		s.t.Errorf("put %s: %d bytes of %q, %v", name, len(b), want, err)
		fail(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	s.blobs[name] = b
	w.Header().Set("ETag", etag(b))
}

// chunked reads the aws-chunked body of a signed stream.
type chunked struct {
	r    *bufio.Reader
	left int64
	end  bool
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.end {
		return 0, io.EOF
	}
	if c.left == 0 {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if line == "\r\n" {
			return 0, nil
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if c.left, err = strconv.ParseInt(size, 16, 64); err != nil {
			return 0, err
		}
		if c.left == 0 {
			c.end = true
			return 0, io.EOF
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func (s *s3) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	type object struct {
		Key, ETag string
		Size      int
	}
	var answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []object
		CommonPrefixes        []struct{ Prefix string }
	}
	prefixes := map[string]bool{}
	for _, k := range slices.Sorted(maps.Keys(s.blobs)) {
		rest, ok := strings.CutPrefix(k, q.Get("prefix"))
		if !ok || k <= q.Get("continuation-token") {
			continue
		}
		if dir, _, deep := strings.Cut(rest, "/"); deep && q.Get("delimiter") == "/" {
			prefixes[q.Get("prefix")+dir+"/"] = true
			continue
		}
		if len(answer.Contents) == s.page {
			answer.IsTruncated = true
			answer.NextContinuationToken = answer.Contents[s.page-1].Key
			break
		}
		answer.Contents = append(answer.Contents, object{Key: k, ETag: etag(s.blobs[k]), Size: len(s.blobs[k])})
	}
	for p := range prefixes {
		answer.CommonPrefixes = append(answer.CommonPrefixes, struct{ Prefix string }{p})
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func TestOpenBucketRefuses(t *testing.T) {
	s := newS3(t)
	for name, address := range map[string]string{
		"no URL":         "://hush",
		"other scheme":   "ftp://user:hush@host/bucket",
		"no bucket":      "https://user:hush@host/",
		"no host":        "https:///bucket",
		"unknown style":  "https://user:hush@host/bucket?style=hush2",
		"missing bucket": s.address("nothing"),
		"wrong user":     strings.Replace(s.address("uploads"), "user", "stranger", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := depot.OpenBucket(t.Context(), address)
			if err == nil {
				t.Fatal("opened")
			}
			if strings.Contains(err.Error(), "hush@") || strings.Contains(err.Error(), ":hush") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestCheckBucketURL(t *testing.T) {
	if err := depot.CheckBucketURL("https://user:hush@s3.example.com/bucket/some/prefix?region=eu-central-1"); err != nil {
		t.Error(err)
	}
	if err := depot.CheckBucketURL("s3.example.com/bucket"); err == nil {
		t.Error("an address without scheme is fine")
	}
}

// An object replaced while it is read must not be mixed with the new one.
func TestBucketReadsOneVersion(t *testing.T) {
	st := bucket(t)
	data := noise(3 << 20)
	write(t, st, "a/b", data)
	r, c, err := st.Open(t.Context(), "a/b", key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, st, "a/b", noise(3<<20+1))
	if _, err := r.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("read through a replaced object")
	}
}
