package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// KeyFile is the name of the key file in the data folder.
const KeyFile = "app.key"

// Load returns the vault of an installation.
//
// appKey is the setting APP_KEY: one or more keys of 32 bytes, in hex or in
// base64 (standard or URL alphabet, padded or not), separated by commas or
// white space. The first one seals, all open. The keys of a key file in
// dataDir open too, so that nothing is lost when APP_KEY takes its place.
//
// Without appKey the key file is used, which holds keys in the same form. If
// there is none, it is made, with one random key and mode 0600; of several
// processes that do so at once, all end up with the same key. A key file that
// others can read is refused.
func Load(appKey, dataDir string) (*Vault, error) {
	keys, err := parseKeys(appKey)
	if err != nil {
		return nil, fmt.Errorf("vault: APP_KEY: %w", err)
	}
	path := filepath.Join(dataDir, KeyFile)
	inFile, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) && len(keys) == 0 {
		if err = makeKeyFile(path); err == nil {
			inFile, err = readKeyFile(path)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	v, err := New(distinct(append(keys, inFile...))...)
	if err != nil {
		return nil, fmt.Errorf("vault: loading keys from %s: %w", path, err)
	}
	return v, nil
}

// parseKeys reads a list of keys. Its errors say which one is wrong, never
// what it is.
func parseKeys(list string) ([][]byte, error) {
	split := func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }
	var keys [][]byte
	for i, word := range strings.FieldsFunc(list, split) {
		k, err := parseKey(word)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 && strings.TrimSpace(list) != "" {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

func parseKey(word string) ([]byte, error) {
	// 64 digits are always meant as hex: as base64 they would be 48 bytes.
	if k, err := hex.DecodeString(word); err == nil {
		return k, checkKey(k)
	}
	word = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
	k, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		return nil, errors.New("is neither hex nor base64; make one with: openssl rand -base64 32")
	}
	return k, checkKey(k)
}

// checkKey refuses what cannot be a random key.
func checkKey(k []byte) error {
	if len(k) != KeySize {
		return fmt.Errorf("has %d bytes, not %d; make one with: openssl rand -base64 32", len(k), KeySize)
	}
	if len(bytes.Trim(k, string(k[:1]))) == 0 {
		return errors.New("is one byte repeated, not a random key")
	}
	return nil
}

func readKeyFile(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Windows has no such modes; there the folder's own rights protect it.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): set it to 0600, and make a new key if somebody may have read it", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s is empty: put the old key back, or remove the file and all data with it", path)
	}
	return keys, nil
}

// makeKeyFile makes a key file that is whole whenever it can be seen, and
// leaves an existing one alone.
func makeKeyFile(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, KeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()

	_, err = fmt.Fprintln(tmp, base64.StdEncoding.EncodeToString(NewDataKey()))
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	// A link, not a rename: of several processes the first one wins.
	if err = os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name in a folder survive a power failure, where the
// system can do that.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func distinct(keys [][]byte) [][]byte {
	seen := make(map[[sha256.Size]byte]bool)
	var out [][]byte
	for _, k := range keys {
		if sum := sha256.Sum256(k); !seen[sum] {
			seen[sum] = true
			out = append(out, k)
		}
	}
	return out
}
