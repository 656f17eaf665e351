package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

const (
	// gaugesFor is how long what was read from the database serves for
	// scrapes: a scraper that is too eager costs nothing.
	gaugesFor = 10 * time.Second
	// gaugesTime is how long reading may take.
	gaugesTime = 3 * time.Second
)

// gauges are the metrics that are read from the database when somebody asks.
type gauges struct {
	read func(ctx context.Context, now time.Time) (store.Gauges, error)
	now  func() time.Time
	log  *slog.Logger

	mu   sync.Mutex
	at   time.Time
	last store.Gauges
	up   bool
}

// write writes them as Prometheus text. Where the database does not answer,
// there is only the word on that.
func (g *gauges) write(ctx context.Context, w io.Writer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.IsZero() || g.now().Sub(g.at) >= gaugesFor {
		ctx, cancel := context.WithTimeout(ctx, gaugesTime)
		defer cancel()
		last, err := g.read(ctx, g.now())
		if err != nil {
			g.log.WarnContext(ctx, "reading metrics from the database failed", "err", err)
		}
		g.last, g.up, g.at = last, err == nil, g.now()
	}
	if !g.up {
		fmt.Fprintln(w, "spa_importer_database_up 0")
		return
	}
	fmt.Fprintln(w, "spa_importer_database_up 1")
	fmt.Fprintln(w, "spa_importer_database_bytes", g.last.Size)
	fmt.Fprintln(w, "spa_importer_upload_bytes", g.last.UploadBytes)
	fmt.Fprintln(w, "spa_importer_lanes_due", g.last.Lanes)
	for _, status := range slices.Sorted(maps.Keys(g.last.Portals)) {
		fmt.Fprintf(w, "spa_importer_portals{status=%q} %d\n", status, g.last.Portals[status])
	}
	seen := map[importer.State]bool{}
	for _, i := range g.last.Imports {
		seen[i.State] = true
		fmt.Fprintf(w, "spa_importer_imports{state=%q,reason=%q} %d\n", i.State, i.Reason, i.Count)
	}
	// A series that comes and goes cannot be watched.
	for _, state := range []importer.State{importer.Checking, importer.Running, importer.Paused, importer.Waiting} {
		if !seen[state] {
			fmt.Fprintf(w, "spa_importer_imports{state=%q,reason=\"\"} 0\n", state)
		}
	}
}
