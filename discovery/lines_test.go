package discovery_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// warnings checks that the warnings of a log are as many as these patterns, in their order.
func warnings(t *testing.T, log string, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"level":"warn"`) {
			got = append(got, line)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d warnings, want %d:\n%s", len(got), len(want), strings.Join(got, ""))
	}
	for i, line := range got {
		if !regexp.MustCompile(want[i]).MatchString(line) {
			t.Errorf("warning %d: %s, want %s", i, line, want[i])
		}
	}
}

// Nodes that fail and recover again and again, of many services, are a warning when it
// begins, one a minute, and one after a minute without. The first says what to do.
func TestEjectionsAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		opt, log := logged()
		src.set("shop", shop(1, "a", "b", "c"))
		src.set("cart", shop(1, "a", "b", "c"))
		r := resolver(t, src, opt, discovery.Ejection(1, 1234567890*time.Nanosecond, time.Minute))
		calls := func(ofA error) {
			for _, name := range []string{"shop", "cart"} {
				for range 20 {
					p, err := r.Pick(t.Context(), name)
					if err != nil {
						t.Fatal(err)
					}
					p.Done(map[bool]error{true: ofA}[p.Node().ID == "a"])
				}
			}
		}
		for range 30 {
			calls(errBroken)
			time.Sleep(2 * time.Second)
			calls(nil)
			time.Sleep(3 * time.Second)
		}
		time.Sleep(2 * time.Minute)
		began := `"service":"shop","error":"broken","node":"a","for":"(\d+ms|\d+(\.\d{1,3})?s)".*node ejected: .*see the error`
		warnings(t, log(), began, `"node":"a","for":"(\d+ms|\d+(\.\d{1,3})?s)"`, `"node":"a"`, `"lasted":"3m.*no node is ejected any more`)
	})
}

// Nodes of many services that are guarded are a line when the first is, one a minute, and
// one when none is any more.
func TestGuardedNodesAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		opt, log := logged()
		r := resolver(t, src, opt)
		const services = 100
		var nodes []string
		for i := range 24 {
			nodes = append(nodes, fmt.Sprintf("n%02d", i))
		}
		name := func(i int) string { return fmt.Sprint("shop-", i) }
		lapsed := &registry.View{Revision: 2, History: "h"}
		for _, n := range shop(1, nodes...).Services[0].Nodes {
			lapsed.Lapsed = append(lapsed.Lapsed, registry.Lapse{
				Time: time.Now(), Service: &registry.Service{Name: "shop", TTL: 15 * time.Second, Nodes: []*registry.Node{n}},
			})
		}
		for i := range services {
			src.set(name(i), shop(1, nodes...))
			if _, err := r.Resolve(t.Context(), name(i)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range services {
			src.set(name(i), lapsed)
		}
		time.Sleep(150 * time.Second)
		for i := range services {
			src.set(name(i), shop(3, nodes...))
		}
		time.Sleep(time.Second)
		warnings(t, log(),
			`"services":100,.*"service":"shop-\d+","nodes":\["n12",.*"n21"\],"listed":12,.*they stay listed`, "still listed", "still listed",
			`"lasted":"2m30(\.\d+)?s".*no node is listed any more`)
	})
}

// A folder that cannot be written is few lines for all services together, and so are
// files that are of no use.
func TestSnapshotsAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 100
		src := newFakeSource()
		dir := filepath.Join(t.TempDir(), "taken")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		opt, log := logged()
		r := resolver(t, src, discovery.SnapshotDir(dir), opt)
		name := func(i int) string { return fmt.Sprint("shop-", i) }
		for i := range services {
			src.set(name(i), shop(1, "a"))
			if _, err := r.Resolve(t.Context(), name(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(90 * time.Second)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		warnings(t, log(), `"services":1,.*cannot be written.*see the folder`, `"services":100,.*cannot be written`, "snapshots are written again")

		files, err := os.ReadDir(dir)
		if err != nil || len(files) != services {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		silent := newFakeSource()
		opt, log = logged()
		r = resolver(t, silent, discovery.SnapshotDir(dir), opt, discovery.Timeout(time.Second))
		for i := range services {
			go r.Resolve(t.Context(), name(i)) //nolint:errcheck // there is nothing to find
		}
		time.Sleep(2 * time.Second)
		warnings(t, log(), "is of no use, and ignored: remove the file")
		same(t, "lines at the level Info", strings.Count(log(), `"level":"info"`), services-1)
	})
}

// slowLog takes a second for each line.
type slowLog struct{ redistest.Buffer }

func (l *slowLog) Write(b []byte) (int, error) {
	time.Sleep(time.Second)
	return l.Buffer.Write(b)
}

// What a log or an Observer that is slow does not get is a line, once a minute.
func TestWhatIsDroppedIsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, log := newFakeSource(), &slowLog{}
		src.set("shop", shop(1, "a", "b", "c"))
		opts := []discovery.Option{
			discovery.Logger(zerolog.New(log)), discovery.Ejection(1, time.Nanosecond, time.Nanosecond),
			discovery.Observe(func(discovery.Event) { time.Sleep(time.Second) }),
		}
		r := resolver(t, src, opts...)
		resolve(t, r)
		for range 3000 {
			call(t, r, "a", 1, errBroken)
			time.Sleep(time.Microsecond)
			call(t, r, "a", 1, nil) // the probe
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		lines, events := 0, 0
		for line := range strings.Lines(log.String()) {
			var what struct{ Lines, Events int }
			if err := json.Unmarshal([]byte(line), &what); err != nil {
				t.Fatal(err)
			}
			lines, events = lines+what.Lines, events+what.Events
		}
		if lines < 4000 || events < 4000 {
			t.Errorf("of 6000 lines and events, lines say that %d and %d were dropped", lines, events)
		}
		if n := strings.Count(log.String(), "were dropped"); n > 4 {
			t.Errorf("%d lines of that", n)
		}
	})
}
