package field

// ruler measures distances; it keeps the rows of its table.
type ruler struct{ before, last, row []int }

// distance is the number of letters that must be added, removed, replaced
// or swapped with their neighbour to make b of a; more than limit is
// limit+1.
func (r *ruler) distance(a, b []rune, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	n := len(b) + 1
	if cap(r.row) < n {
		r.before, r.last, r.row = make([]int, n, 2*n), make([]int, n, 2*n), make([]int, n, 2*n)
	}
	before, last, row := r.before[:n], r.last[:n], r.row[:n] // before: two rows ago, for swaps
	for j := range last {
		last[j] = j
	}
	for i, ra := range a {
		row[0] = i + 1
		least := row[0]
		for j, rb := range b {
			if ra == rb {
				row[j+1] = last[j]
			} else {
				row[j+1] = 1 + min(last[j], last[j+1], row[j])
				if i > 0 && j > 0 && ra == b[j-1] && a[i-1] == rb {
					row[j+1] = min(row[j+1], before[j-1]+1)
				}
			}
			least = min(least, row[j+1])
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit+1)
}

// nearest finds the one candidate closest to s: in the loose form at most a
// third of its letters may differ, and no other candidate may be as close.
// It returns -1 when there is none. loose holds the candidates folded by
// foldLoose.
func nearest(s string, loose [][]rune) int {
	want := []rune(foldLoose(s))
	if len(want) == 0 || len(want) > 200 {
		return -1
	}
	limit := max(len(want)/3, 1)
	if len(want) <= 2 {
		limit = 0
	}
	best, at, tied := limit+1, -1, false
	var r ruler
	for i, candidate := range loose {
		d := r.distance(want, candidate, min(limit, best))
		switch {
		case d < best:
			best, at, tied = d, i, false
		case d == best && d <= limit:
			tied = true
		}
	}
	if tied {
		return -1
	}
	return at
}

// Distance is the number of letters that must be added, removed, replaced or
// swapped with their neighbour to make b of a, whatever their case.
func Distance(a, b string) int {
	var r ruler
	x, y := []rune(foldLoose(a)), []rune(foldLoose(b))
	return r.distance(x, y, len(x)+len(y))
}
