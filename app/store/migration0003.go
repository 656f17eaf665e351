package store

import "gorm.io/gorm"

// items lets the rows of an item be found by its id, and a session know the
// smart process that is imported below the item it was opened from.
func items(tx *gorm.DB) error {
	type entry struct {
		ItemID   int64  `gorm:"index:entries_item,priority:1,where:item_id > 0"`
		ImportID string `gorm:"index:entries_item,priority:2,where:item_id > 0"`
	}
	type session struct {
		Child int64 `gorm:"not null;default:0"`
	}
	if err := tx.Table("entries").Migrator().CreateIndex(&entry{}, "entries_item"); err != nil {
		return err
	}
	return tx.Table("sessions").Migrator().AddColumn(&session{}, "Child")
}
