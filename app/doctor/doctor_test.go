package doctor_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/spa-importer/spa-importer/app/doctor"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	admin = 1
	clerk = 2
	own   = 177 // a smart process of the portal's people
)

func newPortal() (*emulator.World, *emulator.Portal) {
	w := emulator.New(emulator.Options{})
	p := w.AddPortal(emulator.Profile{
		Domain: "acme.bitrix24.example",
		Users: []emulator.User{
			{ID: admin, Name: "Alma", LastName: "Admin", Admin: true, CRMAdmin: true},
			{ID: clerk, Name: "Carl", LastName: "Clerk"},
		},
		Types: []emulator.Type{{ID: 9, EntityTypeID: own, Title: "Contracts", Items: []map[string]any{{"title": "Ours"}}}},
	})
	p.SetCost("crm.item.batchImport", 120*time.Millisecond)
	return w, p
}

// connect calls the portal through a webhook.
func connect(t *testing.T, w *emulator.World, p *emulator.Portal, user int64, scopes ...string) *bitrix.Connection {
	t.Helper()
	hook, err := bitrix.ParseWebhook(p.Webhook(user, scopes...), false)
	if err != nil {
		t.Fatal(err)
	}
	return bitrix.New(bitrix.Options{Transport: w.Transport()}).Webhook(hook)
}

// ids are the findings with a status.
func ids(r doctor.Report, s doctor.Status) string {
	var found []string
	for _, f := range r.Findings {
		if f.Status == s {
			found = append(found, f.ID)
		}
	}
	return strings.Join(found, " ")
}

// clean checks that the portal is as it was.
func clean(t *testing.T, p *emulator.Portal) {
	t.Helper()
	if got := len(p.Items(own)); got != 1 {
		t.Errorf("%d items of the portal's people", got)
	}
	for id := int64(1030); id < 1040; id++ {
		if items := p.Items(id); items != nil {
			t.Errorf("the smart process %d is left with %d items", id, len(items))
		}
	}
}

// Each assumption is found broken on the portal that breaks it, and only
// there.
func TestEachAssumption(t *testing.T) {
	quirk := func(q emulator.Quirks) func(*emulator.Portal) {
		return func(p *emulator.Portal) { p.SetQuirks(q) }
	}
	for name, c := range map[string]struct {
		change func(*emulator.Portal)
		broken string
	}{
		"as believed":          {func(*emulator.Portal) {}, ""},
		"mandatory":            {func(p *emulator.Portal) { p.SetEnforceRequired(true) }, "1"},
		"future":               {quirk(emulator.Quirks{TakesFuture: true}), "3"},
		"shifted":              {quirk(emulator.Quirks{ShiftsZoned: true}), "4b"},
		"offset ignored":       {quirk(emulator.Quirks{IgnoresOffset: true}), "4a 4b"},
		"bare ids lost":        {quirk(emulator.Quirks{LosesBareIDs: true}), "6a"},
		"stages refused":       {quirk(emulator.Quirks{RefusesStages: true}), "5a"},
		"dates refused":        {quirk(emulator.Quirks{RefusesDates: true}), "5b"},
		"one is yes":           {quirk(emulator.Quirks{OneIsYes: true}), "5c"},
		"links to several":     {quirk(emulator.Quirks{LosesLinks: true}), "6b"},
		"moved by updates":     {quirk(emulator.Quirks{MovesOnUpdate: true}), "7"},
		"slow":                 {func(p *emulator.Portal) { p.SetCost("crm.item.batchImport", time.Second) }, "9a"},
		"no operating":         {func(p *emulator.Portal) { p.SetLimits(emulator.Limits{NoOperating: true}) }, "9b"},
		"old names":            {quirk(emulator.Quirks{NoOriginalNames: true}), "10"},
		"short keys":           {quirk(emulator.Quirks{KeyLength: 50}), "12a"},
		"no filter by keys":    {quirk(emulator.Quirks{NoKeyFilter: true}), "12b"},
		"several at a time":    {quirk(emulator.Quirks{OneIsYes: true, KeyLength: 9, MovesOnUpdate: true}), "5c 7 12a 12b"},
		"links to one, digits": {quirk(emulator.Quirks{DropsPrefix: true}), ""}, // the digits mean the same item
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, p := newPortal()
				c.change(p)
				r, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm", "user_brief", "userfieldconfig"), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if got := ids(r, doctor.Broken); got != c.broken {
					t.Errorf("does not hold: %q, want %q", got, c.broken)
				}
				if got := ids(r, doctor.Untried); got != "8 11" {
					t.Errorf("not tried: %q", got)
				}
				for _, f := range r.Findings {
					if f.Assumption == "" || f.Saw == "" || f.App == "" {
						t.Errorf("%+v says too little", f)
					}
				}
				if !r.Removed {
					t.Error("the report says that something is left")
				}
				clean(t, p)
			})
		})
	}
}

// A portal that answers keyed rows with a list.
func TestListForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := emulator.New(emulator.Options{})
		p := w.AddPortal(emulator.Profile{Domain: "acme.bitrix24.example", NoKeyedImport: true})
		r, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm", "userfieldconfig"), time.Now())
		if err != nil || ids(r, doctor.Broken) != "2" {
			t.Errorf("%q, %v", ids(r, doctor.Broken), err)
		}
	})
}

// Without the permission to make user fields the rest is tried.
func TestWithoutUserFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newPortal()
		r, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(r, doctor.Untried); got != "1 4a 4b 5b 5c 6a 6b 8 10 11" {
			t.Errorf("not tried: %q", got)
		}
		if got := ids(r, doctor.Broken); got != "" {
			t.Errorf("does not hold: %q", got)
		}
		clean(t, p)
	})
}

func TestWhoMayNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newPortal()
		_, err := doctor.Examine(t.Context(), connect(t, w, p, clerk, "crm"), time.Now())
		if err == nil || !strings.Contains(err.Error(), "rights of a CRM administrator") {
			t.Errorf("a clerk: %v", err)
		}
		_, err = doctor.Examine(t.Context(), connect(t, w, p, admin, "user_brief"), time.Now())
		if err == nil || !strings.Contains(err.Error(), "permission crm") {
			t.Errorf("without crm: %v", err)
		}
		clean(t, p)
	})
}

// interrupting is a caller whose user presses Ctrl-C at the nth call.
type interrupting struct {
	*bitrix.Connection
	left int
	stop context.CancelCauseFunc
}

var errInterrupt = errors.New("interrupt")

func (i *interrupting) Call(ctx context.Context, method string, params any) (bitrix.Reply, error) {
	if i.left--; i.left == 0 {
		i.stop(errInterrupt)
	}
	return i.Connection.Call(ctx, method, params)
}

// Whenever it is stopped, nothing is left behind.
func TestInterrupted(t *testing.T) {
	for n := 3; n < 70; n += 3 {
		synctest.Test(t, func(t *testing.T) {
			w, p := newPortal()
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			c := &interrupting{connect(t, w, p, admin, "crm", "userfieldconfig"), n, stop}
			r, err := doctor.Examine(ctx, c, time.Now())
			if ctx.Err() != nil && err == nil && len(r.Findings) < 18 {
				t.Errorf("stopped at call %d: no error, %d findings", n, len(r.Findings))
			}
			clean(t, p)
		})
	}
}

// A call whose answer is lost does not keep the rest from being tried, nor
// the process from being removed, not even if it was the one that made it.
func TestLostAnswers(t *testing.T) {
	for _, method := range []string{"crm.type.add", "crm.category.add", "userfieldconfig.add", "crm.item.batchImport", "crm.item.get"} {
		synctest.Test(t, func(t *testing.T) {
			w, p := newPortal()
			p.Fault(emulator.Fault{Method: method, Kind: emulator.DropAfter})
			r, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm", "userfieldconfig"), time.Now())
			if made := method != "crm.type.add"; made != (err == nil) || made && !r.Removed {
				t.Errorf("%s: %v", method, err)
			}
			clean(t, p)
		})
	}
}

// What cannot be removed is named.
func TestCannotRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newPortal()
		p.Fault(emulator.Fault{Method: "crm.type.delete", Kind: emulator.Deny, Status: http.StatusBadRequest, Code: "ACCESS_DENIED", Times: -1})
		r, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm", "userfieldconfig"), time.Now())
		if err == nil || !strings.Contains(err.Error(), r.Scratch) || r.Removed || len(r.Findings) == 0 {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

// Nothing but the doctor's own is written to.
func TestWritesToItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := newPortal()
		before := p.Items(own)
		if _, err := doctor.Examine(t.Context(), connect(t, w, p, admin, "crm", "userfieldconfig"), time.Now()); err != nil {
			t.Fatal(err)
		}
		after := p.Items(own)
		if len(after) != len(before) || !after[0].Updated.Equal(before[0].Updated) {
			t.Errorf("before %v, after %v", before, after)
		}
		var methods []string
		for _, c := range p.Calls() {
			if !slices.Contains(methods, c.Method) {
				methods = append(methods, c.Method)
			}
		}
		slices.Sort(methods)
		want := "batch crm.category.add crm.category.list crm.item.batchImport crm.item.delete crm.item.fields crm.item.get " +
			"crm.item.import crm.item.list crm.item.update crm.type.add crm.type.delete profile scope userfieldconfig.add"
		if got := strings.Join(methods, " "); got != want {
			t.Errorf("methods: %s", got)
		}
	})
}
