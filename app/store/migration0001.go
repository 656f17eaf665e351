package store

import "gorm.io/gorm"

// firstRelease creates all tables of the first release. Columns whose
// documents and secrets are sealed are []byte here: what they hold is none of
// a migration's business.
func firstRelease(tx *gorm.DB) error {
	type seal struct {
		ID    int64 `gorm:"primaryKey;autoIncrement:false"`
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
		MemberID                 string `gorm:"primaryKey"`
		Domain, Endpoint, Server string
		Status, License          string
		Scopes                   []byte
		AppCode, Version, Lang   string
		AppToken                 []byte
		ClientID                 string
		ClientSecret             []byte
		Installer                int64
		QuarantinedAt            int64
		Installed, Updated       int64
	}
	type grant struct {
		Portal                 string `gorm:"primaryKey"`
		UserID                 int64  `gorm:"primaryKey;autoIncrement:false"`
		Access, Refresh        []byte
		Expires                int64
		Endpoint, Server, Dead string
		Claimed, Saved         int64
	}
	type session struct {
		Hash                 string `gorm:"primaryKey"`
		Portal               string `gorm:"index:sessions_portal"`
		MemberID             string `gorm:"index:sessions_member"`
		UserID               int64
		UserName             string
		Admin                bool
		Lang, Zone           string
		Origin, Placement    string
		EntityTypeID, ItemID int64
		ImportID             string
		Webhook              string `gorm:"index:sessions_webhook"`
		WebhookUser          int64
		Created              int64 `gorm:"index:sessions_created"`
		Seen                 int64 `gorm:"index:sessions_seen"`
	}
	type webhook struct {
		Portal  string `gorm:"primaryKey"`
		ID      string `gorm:"primaryKey"`
		UserID  int64
		URL     []byte
		Host    string
		Created int64
	}
	type registration struct {
		Portal                               string `gorm:"primaryKey"`
		Company, Name, Email, Phone, Country string
		TermsVersion                         string
		AcceptedAt                           int64
		Mailings                             bool
		UserID                               int64
	}
	type call struct {
		ID                int64  `gorm:"primaryKey"`
		Portal            string `gorm:"index:calls_import,priority:1"`
		ImportID          string `gorm:"index:calls_import,priority:2"`
		Method            string
		Started           int64 `gorm:"index:calls_started"`
		Duration          int64
		BytesOut, BytesIn int64
		Status            int64
		Code              string
		Operating         float64
		Commands          int64
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
		ID                          string `gorm:"primaryKey"`
		Portal                      string `gorm:"index:uploads_portal"`
		UserID                      int64
		Name                        string
		Size, Received              int64
		State                       string `gorm:"index:uploads_state"`
		Inspection, Shape, Profiles []byte
		Done                        int64
		Problem                     []byte
		Revision                    int64
		DataKey                     []byte
		Created                     int64 `gorm:"index:uploads_created"`
	}
	type counts struct {
		Created, Updated, Unchanged, Skipped, Failed int64
	}
	type imports struct {
		ID                         string `gorm:"primaryKey"`
		Portal                     string `gorm:"index:imports_portal,priority:1"`
		UserID                     int64
		UserName                   string
		Admin                      bool
		ConnectionKind             string
		ConnectionUser             int64
		ConnectionWebhook          string `gorm:"index:imports_webhook"`
		Zone, Lang                 string
		UploadID                   string `gorm:"index:imports_upload"`
		FileName                   string
		State                      string `gorm:"index:imports_state,priority:1"`
		Revision                   int64
		Target, Mapping, Decisions []byte
		Verify                     bool
		RowCount, RowLimit         int64
		CheckedRows                int64
		Plan                       counts `gorm:"embedded;embeddedPrefix:plan_"`
		Cursor                     int64
		Counts                     counts `gorm:"embedded;embeddedPrefix:done_"`
		Rechecked                  int64
		StartID                    int64
		Failures                   int64
		Reason                     []byte
		Until                      int64 `gorm:"index:imports_state,priority:2"`
		SecondsPerRow              float64
		DataKey, JournalKey        []byte
		Created                    int64 `gorm:"index:imports_portal,priority:2"`
		Started, Finished          int64
		Touched                    int64
	}
	type entry struct {
		ImportID string `gorm:"primaryKey;index:entries_state,priority:1;index:entries_seen,priority:1,where:state = 'created'"`
		Idx      int64  `gorm:"primaryKey;autoIncrement:false;index:entries_state,priority:3"`
		RowNo    int64
		State    string `gorm:"index:entries_state,priority:2"`
		Access   string `gorm:"index:entries_seen,priority:2,where:state = 'created'"`
		Attempt  int64
		SentAt   int64
		ItemID   int64 `gorm:"index:entries_seen,priority:3,where:state = 'created'"`
		Quotes   []byte
	}
	type lookup struct {
		ImportID string `gorm:"primaryKey"`
		Hash     string `gorm:"primaryKey"`
		Found    []byte
	}
	type lane struct {
		Lane   string `gorm:"primaryKey"`
		Epoch  int64
		Holder string
		Until  int64
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
