package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// readAhead is how much of an object one request fetches.
const readAhead = 1 << 20

// Bucket keeps files in an S3 bucket; it implements importer.Files.
type Bucket struct {
	files
	client *minio.Client
	bucket string
	prefix string
}

// OpenBucket opens a bucket by its address,
//
//	https://<access key>:<secret>@<host>/<bucket>[/<prefix>][?region=<name>&style=path]
//
// and asks the server whether it is there. Without a user part, the keys come
// from the usual AWS variables or the machine's role. The server must honour
// If-None-Match on PUT (AWS S3, MinIO, Ceph, R2 do): it decides which of two
// appends at one offset is first. Errors never show the address' secret.
func OpenBucket(ctx context.Context, address string) (*Bucket, error) {
	b, err := parseBucket(address)
	if err != nil {
		return nil, fmt.Errorf("opening the bucket: %w", err)
	}
	ok, err := b.client.BucketExists(ctx, b.bucket)
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", b.bucket, err)
	}
	if !ok {
		return nil, fmt.Errorf("opening bucket %s: there is no such bucket", b.bucket)
	}
	return b, nil
}

// CheckBucketURL reports what is wrong with a bucket's address, without
// asking the server.
func CheckBucketURL(address string) error {
	_, err := parseBucket(address)
	return err
}

func parseBucket(address string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address is not a URL") // err would quote it, secret included
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, errors.New("the address must begin with https:// or http:// and a host")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, errors.New("the address has no bucket in its path")
	}
	o := &minio.Options{
		Secure: u.Scheme == "https",
		Region: u.Query().Get("region"),
	}
	switch style := u.Query().Get("style"); style {
	case "":
	case "path":
		o.BucketLookup = minio.BucketLookupPath
	default:
		return nil, fmt.Errorf("style %q is not known, only path is", style)
	}
	if u.User != nil {
		secret, _ := u.User.Password()
		o.Creds = credentials.NewStaticV4(u.User.Username(), secret, "")
	} else {
		o.Creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{},
			&credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}},
		})
	}
	client, err := minio.New(u.Host, o)
	if err != nil {
		return nil, err
	}
	b := &Bucket{client: client, bucket: bucket, prefix: prefix}
	b.files.blobs = b
	return b, nil
}

func (b *Bucket) object(name string) string { return path.Join(b.prefix, name) }

// create implements blobs. The sealed bytes are collected in a temporary
// file: their size must be known, a request may be repeated, and nothing
// half written is ever visible.
func (b *Bucket) create(ctx context.Context, name string, once bool, fill func(io.Writer) error) (err error) {
	temp, err := os.CreateTemp("", "spa-importer-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temp.Close(), os.Remove(temp.Name())) }()
	if err := fill(temp); err != nil {
		return err
	}
	size, err := temp.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}
	if once {
		o.SetMatchETagExcept("*")
	}
	if _, err := b.client.PutObject(ctx, b.bucket, b.object(name), temp, size, o); err != nil {
		switch minio.ToErrorResponse(err).StatusCode {
		case http.StatusPreconditionFailed, http.StatusConflict:
			if once {
				return fmt.Errorf("%w: %w", fs.ErrExist, err)
			}
		}
		return err
	}
	return nil
}

// list implements blobs.
func (b *Bucket) list(ctx context.Context, dir string) ([]blob, error) {
	var all []blob
	prefix := b.object(dir) + "/"
	for o := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		if o.Err != nil {
			return nil, o.Err
		}
		rest := strings.TrimPrefix(o.Key, prefix)
		if rest == "" || strings.HasSuffix(rest, "/") {
			continue
		}
		all = append(all, blob{name: dir + "/" + rest, size: o.Size, tag: o.ETag})
	}
	return all, nil
}

// open implements blobs.
func (b *Bucket) open(ctx context.Context, o blob) (source, error) {
	return &object{ctx: ctx, bucket: b, blob: o}, nil
}

// removeAll implements blobs.
func (b *Bucket) removeAll(ctx context.Context, dirs ...string) error {
	for _, dir := range dirs {
		o := minio.ListObjectsOptions{Prefix: b.object(dir) + "/", Recursive: true}
		for found := range b.client.ListObjectsIter(ctx, b.bucket, o) {
			if found.Err != nil {
				return found.Err
			}
			if err := b.client.RemoveObject(ctx, b.bucket, found.Key, minio.RemoveObjectOptions{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// object reads one object by ranges, each a readAhead long. One goroutine
// at a time, as reader sees to.
type object struct {
	ctx    context.Context
	bucket *Bucket
	blob   blob
	from   int64
	buf    []byte
}

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= o.blob.size {
			return n, io.EOF
		}
		if at < o.from || at >= o.from+int64(len(o.buf)) {
			if err := o.fetch(at); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], o.buf[at-o.from:])
	}
	return n, nil
}

// fetch gets the bytes from at on, of the very object that was listed.
func (o *object) fetch(at int64) (err error) {
	want := min(readAhead, o.blob.size-at)
	opts := minio.GetObjectOptions{}
	if err := opts.SetRange(at, at+want-1); err != nil {
		return err
	}
	if err := opts.SetMatchETag(o.blob.tag); err != nil {
		return err
	}
	core := minio.Core{Client: o.bucket.client}
	body, _, _, err := core.GetObject(o.ctx, o.bucket.bucket, o.bucket.object(o.blob.name), opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if cap(o.buf) < int(want) {
		o.buf = make([]byte, want)
	}
	o.buf = o.buf[:want]
	o.from = at
	if _, err := io.ReadFull(body, o.buf); err != nil {
		o.buf = o.buf[:0]
		return fmt.Errorf("fetching %d bytes at %d: %w", want, at, err)
	}
	return nil
}

// Close implements io.Closer.
func (o *object) Close() error { return nil }
