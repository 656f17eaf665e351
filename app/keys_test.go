package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/vault"
)

// A key is changed as docs/operating.md says, in the middle of an import:
// the new one in front, a start, the command, the old one out, a start.
func TestKeysRotate(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *site) {
		imp := s.started(200)
		file := filepath.Join(s.dir, vault.KeyFile)
		old, err := os.ReadFile(file)
		s.must(err)
		added := hex.EncodeToString(vault.NewDataKey()) + "\n"

		s.must(os.WriteFile(file, []byte(added+string(old)), 0o600))
		p := s.start()
		s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= 20 })
		if got := s.says("keys", "rotate"); strings.HasPrefix(got, "0 rows") || !strings.Contains(got, "first key of "+file) {
			t.Errorf("the first time: %s", got)
		}
		if got := s.says("keys", "rotate"); !strings.HasPrefix(got, "0 rows") {
			t.Errorf("once more: %s", got)
		}
		p.kill()

		s.must(os.WriteFile(file, []byte(added), 0o600))
		p = s.start()
		s.waitFor(func() bool { return s.state(imp.ID).State == importer.Done })
		p.stop()
		s.everyRowOnce(imp.Rows)

		s.must(os.WriteFile(file, old, 0o600))
		if got := s.operator("", "keys", "rotate"); got.code != 1 || !strings.Contains(got.err, "sealed with another key") {
			t.Errorf("with the old key alone: %+v", got)
		}
	})
}
