package portal

import "sync"

// alone lets one job at a time work for a portal: two that look at the same
// time what is bound would bind it twice.
type alone struct {
	mu   sync.Mutex
	busy map[string]*turn
}

// turn is held by the job that works; waiting counts that and those behind it.
type turn struct {
	sync.Mutex
	waiting int
}

// enter waits for the portal's turn; call what it returns at the end.
func (a *alone) enter(portal string) (leave func()) {
	a.mu.Lock()
	if a.busy == nil {
		a.busy = map[string]*turn{}
	}
	t := a.busy[portal]
	if t == nil {
		t = &turn{}
		a.busy[portal] = t
	}
	t.waiting++
	a.mu.Unlock()
	t.Lock()
	return func() {
		t.Unlock()
		a.mu.Lock()
		defer a.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(a.busy, portal)
		}
	}
}
