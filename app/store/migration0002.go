package store

import "gorm.io/gorm"

// memoryAndUndo adds what a portal remembers from one file to the next,
// corrected cells, archives, known files, trials and the taking back of imports.
func memoryAndUndo(tx *gorm.DB) error {
	type upload struct {
		Archive bool   `gorm:"not null;default:false"`
		Derived bool   `gorm:"not null;default:false"`
		Hash    string `gorm:"type:text NOT NULL DEFAULT ''"`
	}
	type imports struct {
		Archive        string `gorm:"type:text NOT NULL DEFAULT '';index:imports_archive,where:archive <> ''"`
		Hash           string `gorm:"type:text NOT NULL DEFAULT '';index:imports_hash,where:hash <> ''"`
		Origin         string `gorm:"type:text NOT NULL DEFAULT ''"`
		TrialUntil     int64  `gorm:"not null;default:0"`
		Undoing        bool   `gorm:"not null;default:false"`
		UndoTakenBack  int64  `gorm:"not null;default:0"`
		UndoKept       int64  `gorm:"not null;default:0"`
		UndoImpossible int64  `gorm:"not null;default:0"`
	}
	type entry struct {
		ImportID    string `gorm:"index:entries_undo,priority:1,where:undo <> ''"`
		Idx         int64  `gorm:"index:entries_undo,priority:3,where:undo <> ''"`
		Before      []byte
		Written     int64  `gorm:"not null;default:0"`
		Undo        string `gorm:"type:text NOT NULL DEFAULT '';index:entries_undo,priority:2,where:undo <> ''"`
		UndoProblem []byte
	}
	for _, t := range []struct {
		table
		columns, indexes []string
	}{
		{table{"uploads", &upload{}}, []string{"Archive", "Derived", "Hash"}, nil},
		{
			table{"imports", &imports{}},
			[]string{"Archive", "Hash", "Origin", "TrialUntil", "Undoing", "UndoTakenBack", "UndoKept", "UndoImpossible"},
			[]string{"imports_archive", "imports_hash"},
		},
		{
			table{"entries", &entry{}},
			[]string{"Before", "Written", "Undo", "UndoProblem"},
			[]string{"entries_undo"},
		},
	} {
		for _, column := range t.columns {
			if err := tx.Table(t.name).Migrator().AddColumn(t.row, column); err != nil {
				return err
			}
		}
		for _, index := range t.indexes {
			if err := tx.Table(t.name).Migrator().CreateIndex(t.row, index); err != nil {
				return err
			}
		}
	}
	return secondTables(tx)
}

func secondTables(tx *gorm.DB) error {
	type memory struct {
		Portal    string `gorm:"not null;primaryKey"`
		MemoryKey []byte
		Serial    int64 `gorm:"not null"`
	}
	type mapping struct {
		Portal       string `gorm:"not null;primaryKey;uniqueIndex:mappings_slot,priority:1;index:mappings_used,priority:1"`
		ID           string `gorm:"not null;primaryKey"`
		EntityTypeID int64  `gorm:"not null;uniqueIndex:mappings_slot,priority:2;index:mappings_used,priority:2"`
		Slot         string `gorm:"not null;uniqueIndex:mappings_slot,priority:3"`
		Named        bool   `gorm:"not null"`
		Content      []byte
		Used         int64 `gorm:"not null;index:mappings_used,priority:3"`
	}
	type answer struct {
		Portal       string `gorm:"not null;primaryKey;index:answers_serial,priority:1"`
		EntityTypeID int64  `gorm:"not null;primaryKey;autoIncrement:false;index:answers_serial,priority:2"`
		Hash         string `gorm:"not null;primaryKey"`
		Content      []byte
		Serial       int64 `gorm:"not null;index:answers_serial,priority:3"`
	}
	type edit struct {
		ImportID string `gorm:"not null;primaryKey"`
		Idx      int64  `gorm:"not null;primaryKey;autoIncrement:false"`
		Col      int64  `gorm:"not null;primaryKey;autoIncrement:false"`
		Content  []byte
	}
	return createTables(tx, []table{
		{"memories", &memory{}},
		{"mappings", &mapping{}},
		{"answers", &answer{}},
		{"edits", &edit{}},
	})
}
