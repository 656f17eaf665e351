package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/vault"
)

func TestSealRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		ad := rapid.String().Draw(t, "ad")
		v, err := vault.New(k)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := v.Seal(plain, ad)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(plain)+vault.Overhead {
			t.Errorf("sealed %d bytes into %d", len(plain), len(sealed))
		}
		if len(plain) > 3 && bytes.Contains(sealed, plain) {
			t.Error("plain text shows in the sealed bytes")
		}
		got, err := v.Unseal(sealed, ad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Unseal = %x, %v; want %x", got, err, plain)
		}
		if _, err := v.Unseal(sealed, ad+"x"); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("Unseal elsewhere: %v, want ErrDamaged", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := v.Unseal(sealed, ad); !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrUnknownKey) {
			t.Errorf("Unseal of altered bytes: %v", err)
		}
	})
}

func TestSealIsNeverTheSameTwice(t *testing.T) {
	v := must(vault.New(vault.NewDataKey()))
	a, b := must(v.Seal([]byte("x"), "")), must(v.Seal([]byte("x"), ""))
	if bytes.Equal(a, b) {
		t.Error("two seals of one text are equal")
	}
}

func TestRotation(t *testing.T) {
	oldKey, newKey := vault.NewDataKey(), vault.NewDataKey()
	before, both, after := must(vault.New(oldKey)), must(vault.New(newKey, oldKey)), must(vault.New(newKey))

	sealed := must(before.Seal([]byte("secret"), "row 1"))
	if got := must(both.Unseal(sealed, "row 1")); string(got) != "secret" {
		t.Errorf("the old key does not open any more: %q", got)
	}
	if _, err := after.Unseal(sealed, "row 1"); !errors.Is(err, vault.ErrUnknownKey) {
		t.Errorf("without the old key: %v, want ErrUnknownKey", err)
	}
	again, changed, err := both.Reseal(sealed, "row 1")
	if err != nil || !changed {
		t.Fatalf("Reseal = changed %v, %v", changed, err)
	}
	if got := must(after.Unseal(again, "row 1")); string(got) != "secret" {
		t.Errorf("resealed: %q", got)
	}
	if same, changed, err := both.Reseal(again, "row 1"); err != nil || changed || !bytes.Equal(same, again) {
		t.Errorf("second Reseal changed %v, %v", changed, err)
	}
	if _, _, err := both.Reseal(sealed, "row 2"); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("Reseal elsewhere: %v, want ErrDamaged", err)
	}
}

func TestNewRefuses(t *testing.T) {
	k := vault.NewDataKey()
	for name, keys := range map[string][][]byte{
		"no key":       {},
		"short":        {k[:31]},
		"long":         {append(bytes.Clone(k), 0)},
		"second empty": {k, nil},
		"twice":        {k, k},
	} {
		if v, err := vault.New(keys...); err == nil || v != nil {
			t.Errorf("%s: New = %v, %v; want an error", name, v, err)
		}
	}
}

func TestLoadFormats(t *testing.T) {
	a, b := bytes.Repeat([]byte{0xfb, 0xef, 0xff, 1}, 8), vault.NewDataKey()
	probe := must(must(vault.New(a)).Seal([]byte("p"), "ad"))
	for name, appKey := range map[string]string{
		"hex":            hex.EncodeToString(a),
		"upper hex":      strings.ToUpper(hex.EncodeToString(a)),
		"base64":         base64.StdEncoding.EncodeToString(a),
		"base64 bare":    base64.RawStdEncoding.EncodeToString(a),
		"base64 url":     base64.URLEncoding.EncodeToString(a),
		"base64 rawurl":  base64.RawURLEncoding.EncodeToString(a),
		"spaces":         "  " + hex.EncodeToString(a) + "\n",
		"new, old":       hex.EncodeToString(b) + ", " + hex.EncodeToString(a),
		"trailing comma": hex.EncodeToString(a) + ",",
		"twice":          hex.EncodeToString(a) + "," + base64.StdEncoding.EncodeToString(a),
	} {
		dir := t.TempDir()
		v, err := vault.Load(appKey, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := v.Unseal(probe, "ad"); err != nil || string(got) != "p" {
			t.Errorf("%s: Unseal = %q, %v", name, got, err)
		}
		if _, err := os.Stat(filepath.Join(dir, vault.KeyFile)); err == nil {
			t.Errorf("%s: a key file was made beside APP_KEY", name)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	good := hex.EncodeToString(vault.NewDataKey())
	for name, tt := range map[string]struct{ appKey, want string }{
		"short":      {"c2hvcnQ", "key 1: has 5 bytes"},
		"not a key":  {"my password!", "key 1"},
		"second bad": {good + "," + good[:62], "key 2: has 31 bytes"},
		"zeros":      {strings.Repeat("0", 64), "one byte repeated"},
		"commas":     {" , ", "no key in it"},
	} {
		_, err := vault.Load(tt.appKey, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "password!") || strings.Contains(err.Error(), good[:16])) {
			t.Errorf("%s: the error tells the key: %v", name, err)
		}
	}
}

func TestLoadMakesKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	first := must(vault.Load("", dir))
	sealed := must(first.Seal([]byte("kept"), ""))
	path := filepath.Join(dir, vault.KeyFile)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if got := must(must(vault.Load("", dir)).Unseal(sealed, "")); string(got) != "kept" {
		t.Errorf("after a restart: %q", got)
	}
	// APP_KEY takes over: it seals, the file still opens.
	appKey := vault.NewDataKey()
	moved := must(vault.Load(hex.EncodeToString(appKey), dir))
	if got := must(moved.Unseal(sealed, "")); string(got) != "kept" {
		t.Errorf("after APP_KEY was set: %q", got)
	}
	if _, err := must(vault.New(appKey)).Unseal(must(moved.Seal(nil, "")), ""); err != nil {
		t.Errorf("APP_KEY does not seal: %v", err)
	}
}

func TestLoadRefusesKeyFile(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable": {hex.EncodeToString(vault.NewDataKey()), 0o640, "can be read by others"},
		"empty":    {"", 0o600, "is empty"},
		"damaged":  {"c2hvcnQ\n", 0o600, "has 5 bytes"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, vault.KeyFile)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Load("", dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
		if got, _ := os.ReadFile(path); string(got) != tt.text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestLoadAtOnce(t *testing.T) {
	dir := t.TempDir()
	vaults := make([]*vault.Vault, 16)
	var wg sync.WaitGroup
	for i := range vaults {
		wg.Go(func() {
			v, err := vault.Load("", dir)
			if err != nil {
				t.Error(err)
			}
			vaults[i] = v
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := must(vaults[0].Seal([]byte("x"), ""))
	for i, v := range vaults {
		if _, err := v.Unseal(sealed, ""); err != nil {
			t.Errorf("vault %d has another key: %v", i, err)
		}
	}
}

func TestRandomNames(t *testing.T) {
	id, token := regexp.MustCompile(`^[a-z2-7]{16}$`), regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	seen := make(map[string]bool)
	for range 1000 {
		i := vault.NewID()
		k, hash := vault.NewToken()
		if !id.MatchString(i) || !token.MatchString(k) {
			t.Fatalf("id %q, token %q", i, k)
		}
		if hash != vault.HashToken(k) || len(hash) != 64 {
			t.Fatalf("hash %q of %q", hash, k)
		}
		if seen[i] || seen[k] {
			t.Fatal("the same twice")
		}
		seen[i], seen[k] = true, true
	}
	if got := vault.HashToken(""); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("HashToken is not SHA-256: %s", got)
	}
}

func FuzzUnseal(f *testing.F) {
	v := must(vault.New(bytes.Repeat([]byte{1, 2}, 16)))
	f.Add(must(v.Seal([]byte("x"), "ad")), "ad")
	f.Add([]byte{1}, "")
	f.Fuzz(func(t *testing.T, sealed []byte, ad string) {
		plain, err := v.Unseal(sealed, ad)
		if err != nil && !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrUnknownKey) {
			t.Errorf("Unseal: %v", err)
		}
		if err == nil && len(plain)+vault.Overhead != len(sealed) {
			t.Error("opened to another length")
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add("AAAA,BBBB")
	f.Add(strings.Repeat("ab", 32))
	f.Fuzz(func(t *testing.T, appKey string) {
		v, err := vault.Load(appKey, t.TempDir())
		if (v == nil) == (err == nil) {
			t.Errorf("Load = %v, %v", v, err)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
