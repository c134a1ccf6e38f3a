package discovery_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A change of one service is no work for the others.
func TestAChangeIsNoWorkForOtherServices(t *testing.T) {
	servicesOfTenNodes(t, 50, func(func() int64) {})
}

// servicesOfTenNodes calls rest where all have been picked from, with a function
// that returns the heap that they use.
func servicesOfTenNodes(t *testing.T, services int, rest func(used func() int64)) {
	const nodes = 10
	server := redistest.Start(t)
	// Metadata of a node takes some 350 bytes more.
	fleet := func(service, version int) *registry.Service {
		s := &registry.Service{Name: fmt.Sprint("shop-", service), Version: "v1.2.3", Metadata: map[string]string{"team": "checkout"}}
		for i := range nodes {
			s.Nodes = append(s.Nodes, &registry.Node{
				Address: fmt.Sprintf("10.%d.%d.%d:8080", service>>8, service&255, i), Zone: "eu-west-1a", Weight: 10 * version,
			})
		}
		return s
	}
	// The registrar is behind a proxy, and is cut off before it can deregister:
	// its memory is not to count.
	proxy := redistest.StartProxy(t, server.Addr())
	registrar := registry.NewRegistry(registry.Addrs(proxy.Addr()), registry.TTL(time.Hour), registry.Timeout(time.Second))
	for i := range services {
		if err := registrar.Register(t.Context(), fleet(i, 1), registry.RegisterManual()); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Cut()
	_ = registrar.Close(t.Context())

	var mu sync.Mutex
	seen := map[string]int{}
	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := r.ListServices(patient); err != nil { // brings up the connections
		t.Fatal(err)
	}
	before := heap()
	d := discovery.New(r, discovery.Timeout(time.Minute), discovery.Observe(func(e discovery.Event) {
		if v, ok := e.(discovery.ViewEvent); ok {
			mu.Lock()
			defer mu.Unlock()
			seen[v.View.Service()]++
		}
	}))
	var all sync.WaitGroup
	for i := range services {
		all.Go(func() {
			p, err := d.Pick(t.Context(), fmt.Sprint("shop-", i))
			if err != nil {
				t.Error(err)
				return
			}
			p.Done(nil)
		})
	}
	all.Wait()
	rest(func() int64 { return heap() - before })

	saw := func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}
	var first map[string]int
	for first == nil || len(first) < services || !maps.Equal(first, saw()) { // first views come in twos
		first = saw()
		select {
		case <-time.After(200 * time.Millisecond):
		case <-patient.Done():
			t.Fatalf("the Observer was called for %d services of %d, and still is", len(first), services)
		}
	}
	again := registry.NewRegistry(registry.Addrs(server.Addr()))
	if err := again.Register(t.Context(), fleet(7, 2)); err != nil {
		t.Fatal(err)
	}
	for v := range d.Changes(t.Context(), "shop-7") {
		if v.Nodes()[0].Weight == 20 {
			break
		}
	}
	for name, views := range saw() {
		if name != "shop-7" && views != first[name] {
			t.Errorf("shop-7 changed, and a view was made of %s", name)
		}
	}
	for _, c := range []interface{ Close(context.Context) error }{again, r} {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// heap is what is in use once everything else is gone.
func heap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
