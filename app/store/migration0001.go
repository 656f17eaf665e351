package store

import "gorm.io/gorm"

// firstRelease creates all tables of the first release. Columns whose
// documents and secrets are sealed are []byte here: what they hold is none of
// a migration's business.
func firstRelease(tx *gorm.DB) error {
	type seal struct {
		ID    int64 `gorm:"not null;primaryKey;autoIncrement:false"`
		Probe []byte
	}
	if err := createTable(tx, "seals", &seal{}); err != nil {
		return err
	}
	if err := firstPortals(tx); err != nil {
		return err
	}
	return firstImports(tx)
}

func firstPortals(tx *gorm.DB) error {
	type portal struct {
		MemberID                 string `gorm:"not null;primaryKey"`
		Domain, Endpoint, Server string `gorm:"not null"`
		Status, License          string `gorm:"not null"`
		Scopes                   []byte
		AppCode, Version, Lang   string `gorm:"not null"`
		AppToken                 []byte
		ClientID                 string `gorm:"not null"`
		ClientSecret             []byte
		Installer                int64 `gorm:"not null"`
		QuarantinedAt            int64 `gorm:"not null"`
		Installed, Updated       int64 `gorm:"not null"`
	}
	type grant struct {
		Portal                 string `gorm:"not null;primaryKey"`
		UserID                 int64  `gorm:"not null;primaryKey;autoIncrement:false"`
		Access, Refresh        []byte
		Expires                int64  `gorm:"not null"`
		Endpoint, Server, Dead string `gorm:"not null"`
		Claimed, Saved         int64  `gorm:"not null"`
	}
	type session struct {
		Hash                 string `gorm:"not null;primaryKey"`
		Portal               string `gorm:"not null;index:sessions_portal"`
		MemberID             string `gorm:"not null;index:sessions_member"`
		UserID               int64  `gorm:"not null"`
		UserName             string `gorm:"not null"`
		Admin                bool   `gorm:"not null"`
		Lang, Zone           string `gorm:"not null"`
		Origin, Placement    string `gorm:"not null"`
		EntityTypeID, ItemID int64  `gorm:"not null"`
		ImportID             string `gorm:"not null"`
		Webhook              string `gorm:"not null;index:sessions_webhook"`
		WebhookUser          int64  `gorm:"not null"`
		Created              int64  `gorm:"not null;index:sessions_created"`
		Seen                 int64  `gorm:"not null;index:sessions_seen"`
	}
	type webhook struct {
		Portal  string `gorm:"not null;primaryKey"`
		ID      string `gorm:"not null;primaryKey"`
		UserID  int64  `gorm:"not null"`
		URL     []byte
		Host    string `gorm:"not null"`
		Created int64  `gorm:"not null"`
	}
	type registration struct {
		Portal                               string `gorm:"not null;primaryKey"`
		Company, Name, Email, Phone, Country string `gorm:"not null"`
		TermsVersion                         string `gorm:"not null"`
		AcceptedAt                           int64  `gorm:"not null"`
		Mailings                             bool   `gorm:"not null"`
		UserID                               int64  `gorm:"not null"`
	}
	type call struct {
		ID                int64   `gorm:"not null;primaryKey"`
		Portal            string  `gorm:"not null;index:calls_import,priority:1"`
		ImportID          string  `gorm:"not null;index:calls_import,priority:2"`
		Method            string  `gorm:"not null"`
		Started           int64   `gorm:"not null;index:calls_started"`
		Duration          int64   `gorm:"not null"`
		BytesOut, BytesIn int64   `gorm:"not null"`
		Status            int64   `gorm:"not null"`
		Code              string  `gorm:"not null"`
		Operating         float64 `gorm:"not null;type:double precision"`
		Commands          int64   `gorm:"not null"`
	}
	return createTables(tx, []table{
		{"portals", &portal{}},
		{"grants", &grant{}},
		{"sessions", &session{}},
		{"webhooks", &webhook{}},
		{"registrations", &registration{}},
		{"calls", &call{}},
	})
}

func firstImports(tx *gorm.DB) error {
	type upload struct {
		ID                          string `gorm:"not null;primaryKey"`
		Portal                      string `gorm:"not null;index:uploads_portal"`
		UserID                      int64  `gorm:"not null"`
		Name                        string `gorm:"not null"`
		Size, Received              int64  `gorm:"not null"`
		State                       string `gorm:"not null;index:uploads_state"`
		Inspection, Shape, Profiles []byte
		Done                        int64 `gorm:"not null"`
		Problem                     []byte
		Revision                    int64 `gorm:"not null"`
		DataKey                     []byte
		Created                     int64 `gorm:"not null;index:uploads_created"`
	}
	type counts struct {
		Created, Updated, Unchanged, Skipped, Failed int64 `gorm:"not null"`
	}
	type imports struct {
		ID                         string `gorm:"not null;primaryKey"`
		Portal                     string `gorm:"not null;index:imports_portal,priority:1"`
		UserID                     int64  `gorm:"not null"`
		UserName                   string `gorm:"not null"`
		Admin                      bool   `gorm:"not null"`
		ConnectionKind             string `gorm:"not null"`
		ConnectionUser             int64  `gorm:"not null"`
		ConnectionWebhook          string `gorm:"not null;index:imports_webhook"`
		Zone, Lang                 string `gorm:"not null"`
		UploadID                   string `gorm:"not null;index:imports_upload"`
		FileName                   string `gorm:"not null"`
		State                      string `gorm:"not null;index:imports_state,priority:1"`
		Revision                   int64  `gorm:"not null"`
		Target, Mapping, Decisions []byte
		Verify                     bool   `gorm:"not null"`
		RowCount, RowLimit         int64  `gorm:"not null"`
		CheckedRows                int64  `gorm:"not null"`
		Plan                       counts `gorm:"embedded;embeddedPrefix:plan_"`
		Cursor                     int64  `gorm:"not null"`
		Counts                     counts `gorm:"embedded;embeddedPrefix:done_"`
		Rechecked                  int64  `gorm:"not null"`
		StartID                    int64  `gorm:"not null"`
		Failures                   int64  `gorm:"not null"`
		Reason                     []byte
		Until                      int64   `gorm:"not null;index:imports_state,priority:2"`
		SecondsPerRow              float64 `gorm:"not null;type:double precision"`
		DataKey, JournalKey        []byte
		Created                    int64 `gorm:"not null;index:imports_portal,priority:2"`
		Started, Finished          int64 `gorm:"not null"`
		Touched                    int64 `gorm:"not null"`
	}
	type entry struct {
		ImportID string `gorm:"not null;primaryKey;index:entries_state,priority:1;index:entries_seen,priority:1,where:state = 'created'"`
		Idx      int64  `gorm:"not null;primaryKey;autoIncrement:false;index:entries_state,priority:3"`
		RowNo    int64  `gorm:"not null"`
		State    string `gorm:"not null;index:entries_state,priority:2"`
		Access   string `gorm:"not null;index:entries_seen,priority:2,where:state = 'created'"`
		Attempt  int64  `gorm:"not null"`
		SentAt   int64  `gorm:"not null"`
		ItemID   int64  `gorm:"not null;index:entries_seen,priority:3,where:state = 'created'"`
		Quotes   []byte
	}
	type lookup struct {
		ImportID string `gorm:"not null;primaryKey"`
		Hash     string `gorm:"not null;primaryKey"`
		Found    []byte
	}
	type lane struct {
		Lane   string `gorm:"not null;primaryKey"`
		Epoch  int64  `gorm:"not null"`
		Holder string `gorm:"not null"`
		Until  int64  `gorm:"not null"`
	}
	return createTables(tx, []table{
		{"uploads", &upload{}},
		{"imports", &imports{}},
		{"entries", &entry{}},
		{"lookups", &lookup{}},
		{"lanes", &lane{}},
	})
}

// table is a table to create: its name, and a struct with its columns.
type table struct {
	name string
	row  any
}

func createTables(tx *gorm.DB, tables []table) error {
	for _, t := range tables {
		if err := createTable(tx, t.name, t.row); err != nil {
			return err
		}
	}
	return nil
}

// createTable creates a table that must not exist yet, with its indexes.
func createTable(tx *gorm.DB, name string, row any) error {
	return tx.Table(name).Migrator().CreateTable(row)
}
