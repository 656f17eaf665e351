package importer

// Tried reports whether a trial is done and waits for the person's word: the
// rest, or the way back.
func (i *Import) Tried() bool {
	return i.State == Paused && !i.Undoing && i.TrialUntil > 0 && i.Cursor >= i.TrialUntil
}

// Sum is the number of items whose taking back has ended.
func (c UndoCounts) Sum() int { return c.TakenBack + c.Kept + c.Impossible }
