package registry_test

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// fleet builds a service of n nodes with records of a usual size.
func fleet(name string, n int) *registry.Service {
	s := service(name)
	s.Version = "v1.2.3"
	s.Metadata = map[string]string{"team": "checkout", "repository": "git.example.com/checkout/" + name}
	for i := range n {
		id := fmt.Sprintf("%s-%05d", name, i)
		s.Nodes = append(s.Nodes, &registry.Node{
			ID: id, Address: fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255), Zone: "eu-west-1a",
			Metadata: map[string]string{"pod": id + "-6f8d9c7b5d-x2x9z", "commit": "2f1d7c1b", "started": "2026-11-21T01:38:01Z"},
		})
	}
	return s
}

// A thousand nodes of a service are renewed in ten calls an interval, as Redis and
// the observer count them. Where the machine lets a round fail there are more, of nodes that are tried
// again: such rounds say nothing.
func TestThousandNodesTenCalls(t *testing.T) {
	t.Parallel()
	const interval, rounds = time.Second, 3
	server := redistest.Start(t)
	log := newRounds()
	r := open(t, at(server), registry.TTL(patience), registry.Interval(interval), log.option())
	s := fleet("shop", 1000)
	for chunk := range slices.Chunk(s.Nodes, 250) { // in several calls, as it may come
		part := *s
		part.Nodes = chunk
		register(t, r, &part)
	}
	log.good(t, 2)
	eventually(t, patience, func() error {
		before := scriptCalls(t, server)
		nodes, calls := 0, 0
		var failed error
		log.wait(t, rounds, func(e registry.RenewEvent) bool {
			nodes, calls, failed = nodes+e.Nodes, calls+e.Calls, cmp.Or(failed, e.Err)
			return true
		})
		if failed != nil {
			return failed
		}
		sent := scriptCalls(t, server) - before
		t.Logf("%d rounds: %d nodes in %d calls, %d by Redis's count", rounds, nodes, calls, sent)
		if nodes != 1000*rounds {
			t.Errorf("%d nodes were renewed, want %d", nodes, 1000*rounds)
		}
		if calls > 10*rounds || sent > 10*rounds {
			t.Errorf("%d calls, %d by Redis's count; want at most %d", calls, sent, 10*rounds)
		}
		return nil
	})
}

// Many services of one process come back from a flush together, and leave
// together. TestLoadManyServices has more of them.
func TestManyServices(t *testing.T) {
	t.Parallel()
	servicesOfOneProcess(t, 200)
}

func servicesOfOneProcess(t *testing.T, services int) {
	const interval = 3 * time.Second
	server := redistest.Start(t)
	r := open(t, at(server), registry.Interval(interval))
	var registering sync.WaitGroup
	began := time.Now()
	for w := range 8 {
		registering.Go(func() {
			for i := w; i < services; i += 8 {
				if err := r.Register(t.Context(), fleet(fmt.Sprint("shop-", i), 1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	registering.Wait()
	t.Logf("%d services registered in %v", services, time.Since(began).Round(time.Millisecond))

	keys, err := server.Client().DBSize(t.Context()).Result()
	if err != nil || keys < int64(4*services) {
		t.Fatalf("%d keys, %v", keys, err)
	}
	server.Flush()
	within(t, interval+time.Second, "all keys back", func() error {
		got, err := server.Client().DBSize(t.Context()).Result()
		if err == nil && got != keys {
			err = fmt.Errorf("%d keys, want %d", got, keys)
		}
		return err
	})
	began = time.Now()
	if all, err := r.ListServices(t.Context()); err != nil || len(all) != services {
		t.Errorf("%d services, %v", len(all), err)
	}
	t.Logf("all services listed in %v", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	bounded(t, began, time.Second, "Close")
	if all, err := open(t, at(server)).ListServices(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("after Close: %d services, %v", len(all), err)
	}
}
