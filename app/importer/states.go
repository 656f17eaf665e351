package importer

// Tried reports whether a trial is done and waits for the person's word: the
// rest, or the way back.
func (i *Import) Tried() bool {
	return i.State == Paused && !i.Undoing && i.TrialUntil > 0 && i.Cursor >= i.TrialUntil
}

// Beyond is how many rows of the file lie beyond the row limit. They are
// skipped, but not because anybody has chosen so.
func (i *Import) Beyond() int {
	if i.Limit <= 0 {
		return 0
	}
	return max(0, i.Rows-i.Limit)
}

// Sum is the number of items whose taking back has ended.
func (c UndoCounts) Sum() int { return c.TakenBack + c.Kept + c.Impossible }
