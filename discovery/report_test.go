package discovery_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
)

// A gate holds up who passes it, until it is opened.
type gate chan struct{}

func (g gate) Write(b []byte) (int, error) {
	<-g
	return len(b), nil
}

func (g gate) observe(discovery.Event) { <-g }

// A log that blocks and an Observer that does not return hold up neither views nor
// calls, nor Close for long.
func TestNothingWaitsForTheLogOrTheObserver(t *testing.T) {
	for name, opt := range map[string]func(gate) discovery.Option{
		"log":      func(g gate) discovery.Option { return discovery.Logger(zerolog.New(g)) },
		"observer": func(g gate) discovery.Option { return discovery.Observe(g.observe) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, g := newFakeSource(), make(gate)
				src.set("shop", shop(1, "a", "b", "c"))
				r := resolver(t, src, opt(g), discovery.Ejection(1, time.Second, time.Minute))
				resolve(t, r)
				began := time.Now()
				call(t, r, "a", 1, errBroken)
				same(t, "after an ejection", ready(t, r), "b c")
				src.set("shop", shop(2, "a", "b", "c", "d"))
				synctest.Wait()
				same(t, "after a change", ready(t, r), "b c d")
				for v := range r.Changes(t.Context(), "shop") {
					same(t, "a change", v.Revision(), 2)
					break
				}
				same(t, "it took", time.Since(began), 0)
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if d := time.Since(began); d > time.Second {
					t.Errorf("Close took %v", d)
				}
				close(g)
			})
		})
	}
}

// An Observer may call whatever it likes.
func TestObserverCallsTheResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		var r *discovery.Resolver
		events, closed := &ejections{}, make(chan error, 1)
		r = discovery.New(src, discovery.Ejection(1, time.Second, time.Minute), discovery.Observe(func(e discovery.Event) {
			events.observe(e)
			switch e := e.(type) {
			case discovery.ViewEvent:
				resolve(t, r)
				if e.View.Revision() == 1 {
					call(t, r, "a", 1, errBroken)
				}
				for range r.Changes(t.Context(), "shop") {
					break
				}
			case discovery.EjectEvent:
				closed <- r.Close()
			}
		}))
		resolve(t, r)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		same(t, "events", events.String(), "shop/a out")
	})
}

// A slow Observer sees the views of a service in their order, and the newest in the
// end; and what waits for it is bounded.
func TestSlowObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, events := newFakeSource(), &ejections{}
		var revisions []uint64
		slow := func(e discovery.Event) {
			time.Sleep(time.Second)
			events.observe(e)
			if v, ok := e.(discovery.ViewEvent); ok {
				revisions = append(revisions, v.View.Revision())
			}
		}
		r := resolver(t, src, discovery.Observe(slow), discovery.Ejection(1, time.Nanosecond, time.Nanosecond))
		const changes = 1000
		for revision := range uint64(changes) {
			src.set("shop", shop(revision+1, "a", "b", "c"))
			resolve(t, r)
			call(t, r, "a", 1, errBroken)
			time.Sleep(time.Microsecond)
			call(t, r, "a", 1, nil) // the probe
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(revisions) < 2 || len(revisions) > 10 || revisions[len(revisions)-1] != changes {
			t.Errorf("revisions %v of %d", revisions, changes)
		}
		for i, revision := range revisions[1:] {
			if revision < revisions[i] {
				t.Errorf("revision %d after %d", revision, revisions[i])
			}
		}
		if seen := len(events.log); seen < 100 || seen > 300 {
			t.Errorf("%d of %d ejections and returns", seen, 2*changes)
		}
	})
}

// Events of one service come one at a time, also if several goroutines cause them.
func TestObserverIsCalledOneAtATime(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a", "b", "c"))
	var mu sync.Mutex
	overlaps, seen := 0, 0
	r := resolver(t, src, discovery.Ejection(1, time.Nanosecond, time.Nanosecond), discovery.Observe(func(discovery.Event) {
		if !mu.TryLock() {
			overlaps++
			return
		}
		defer mu.Unlock()
		seen++
	}))
	resolve(t, r)
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		all.Go(func() {
			for i := range 300 {
				call(t, r, id, 1, map[bool]error{true: errors.New("odd")}[i%2 == 1])
			}
		})
	}
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if overlaps > 0 || seen == 0 {
		t.Errorf("%d of %d at once", overlaps, overlaps+seen)
	}
}
