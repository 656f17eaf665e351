package importer_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// crowded connects to callers whose places for crm.item.batchImport are taken
// by others until a time, as it turns out when a request wants to leave.
type crowded struct {
	*bench
	until time.Time
}

func (c crowded) Connect(ctx context.Context, portal string, to importer.Connection) (importer.Caller, error) {
	caller, err := c.bench.Connect(ctx, portal, to)
	return crowdedCaller{caller, c.until}, err
}

type crowdedCaller struct {
	importer.Caller
	until time.Time
}

func (c crowdedCaller) Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	if commands[0].Method == "crm.item.batchImport" && time.Now().Before(c.until) {
		return bitrix.BatchReply{}, &bitrix.Error{Code: bitrix.CodePaceWait, Class: bitrix.Refused, ResetAt: c.until}
	}
	return c.Caller.Batch(ctx, commands)
}

// TestTheOtherMethodHelps: a request by the best method that is turned away
// does not make the import wait where another method is free.
func TestTheOtherMethodHelps(t *testing.T) {
	const rows = 2000
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.aimed(titles(rows), importer.Target{Fast: true})
		b.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
		b.portal.SetCost("crm.item.import", 20*time.Millisecond)
		began := time.Now()
		b.svc = importer.New(importer.Options{
			Store: b.store, Journal: b.store, Files: b.depot, Connections: crowded{b, began.Add(8 * time.Minute)}, Bell: b.bell, Limits: b,
			Log: slog.New(slog.DiscardHandler), MaxUpload: 1 << 28, Holder: "crowded",
		})
		imp = b.run(imp.ID)
		if imp.State != importer.Done || len(b.portal.Items(spa)) != rows {
			t.Fatalf("%s, %+v, reason %+v, %d items", imp.State, imp.Counts, imp.Reason, len(b.portal.Items(spa)))
		}
		if took := imp.Finished.Sub(began); took > time.Minute {
			t.Errorf("took %s: it waited for the first method", took)
		}
	})
}
