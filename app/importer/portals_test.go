//go:build unix

package importer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

var portals = flag.Int("portals", 30, "portals of TestManyPortals; the goal is 1000")

// TestManyPortals: imports of many portals run side by side in one process;
// each portal's limits are kept, and none waits for another: the slowest takes
// hardly longer than all of them do on the average.
// A thousand of them: make portals
func TestManyPortals(t *testing.T) {
	const rows = 60
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.quiet = true
		b.svc = b.service(b.store)
		type tenant struct {
			portal *emulator.Portal
			actor  importer.Actor
			imp    string
			took   time.Duration
		}
		tenants := make([]*tenant, *portals)
		for i := range tenants {
			p := profile()
			p.MemberID = fmt.Sprintf("%032x", i+1)
			p.Domain = fmt.Sprintf("p%d.example", i)
			portal := b.world.AddPortal(p)
			access, refresh := portal.Token(1)
			b.must(b.store.SaveGrant(b.ctx(), bitrix.Grant{
				Portal: p.MemberID, User: 1, Access: access, Refresh: refresh, Expires: time.Now().Add(time.Hour),
				Endpoint: portal.Endpoint(), Server: "https://oauth.bitrix.info/",
			}))
			b.actor.Portal = p.MemberID
			imp := b.aimed(table(rows), importer.Target{})
			portal.SetCost("crm.item.batchImport", 300*time.Millisecond)
			tenants[i] = &tenant{portal: portal, actor: b.actor, imp: imp.ID}
		}
		began := time.Now()
		used := realTime()
		for _, x := range tenants {
			_, err := b.svc.Start(b.ctx(), x.actor, x.imp)
			b.must(err)
		}
		b.bell.take()
		var all sync.WaitGroup
		for _, x := range tenants {
			all.Go(func() {
				for {
					next, err := b.svc.Slice(b.ctx(), importer.Lane("run:"+x.actor.Portal))
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
						return
					}
					if !next.Again {
						x.took = time.Since(began)
						return
					}
					time.Sleep(time.Until(next.At))
				}
			})
		}
		all.Wait()
		var slowest, sum time.Duration
		most := 0
		for _, x := range tenants {
			imp, err := b.svc.Import(b.ctx(), x.actor, x.imp)
			b.must(err)
			if imp.State != importer.Done || imp.Counts.Created != rows || len(x.portal.Items(spa)) != rows {
				t.Fatalf("%s, %+v, reason %+v, %d items", imp.State, imp.Counts, imp.Reason, len(x.portal.Items(spa)))
			}
			slowest, sum = max(slowest, x.took), sum+x.took
			most = max(most, len(x.portal.Calls()))
			for _, c := range x.portal.Calls() {
				if strings.HasSuffix(c.Code, "_LIMIT") || c.Code == "QUERY_LIMIT_EXCEEDED" {
					t.Fatalf("%s was refused by a limit", c.Method)
				}
			}
		}
		mean, cpu := sum/time.Duration(len(tenants)), used()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		t.Logf("%d portals, %d rows each, at most %d calls to one: %s on the average, the slowest %s; all of them %s of processor time, %.0f rows a second; %d MB from the system, of which the emulator has its part",
			len(tenants), rows, most, mean, slowest, cpu.Round(time.Second/10), float64(rows*len(tenants))/cpu.Seconds(), mem.Sys>>20)
		if slowest > mean*11/10 {
			t.Errorf("the slowest portal took %s, %s is the average", slowest, mean)
		}
		// 60 rows of 0.3 s are 18 s of work.
		if slowest > 20*time.Second {
			t.Errorf("the slowest portal took %s, alone it would take 18 s", slowest)
		}
	})
}

// realTime measures by the processor's clock: that of the bubble stands still
// while anything works.
func realTime() func() time.Duration {
	var from, to syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &from)
	return func() time.Duration {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &to)
		return time.Duration(to.Utime.Nano() - from.Utime.Nano() + to.Stime.Nano() - from.Stime.Nano())
	}
}
