package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/registry"
)

// lease is the TTL of the nodes: they are not renewed but by the run.
const lease = 30 * time.Second

// batch is how many nodes a call registers.
const batch = 100

// A plan says how much to do.
type plan struct {
	nodes int
	each  time.Duration
}

// id names the nodes of a run.
func id(i int) string { return fmt.Sprintf("node-%05d", i) }

// batches are the nodes, as they are registered.
func (p *plan) batches(service string) (batches []*registry.Service) {
	for first := 0; first < p.nodes; first += batch {
		s := &registry.Service{Name: service}
		for i := first; i < min(first+batch, p.nodes); i++ {
			s.Nodes = append(s.Nodes, &registry.Node{ID: id(i), Address: fmt.Sprintf("10.0.%d.%d:80", i>>8, i&255)})
		}
		batches = append(batches, s)
	}
	return batches
}

// run does all of it, on a service that no other run has, and removes what it has written.
func (p *plan) run(ctx context.Context, r *registry.Redis) (results []result, err error) {
	service := fmt.Sprintf("rollcall-bench-%d-%d", os.Getpid(), time.Now().UnixNano())
	defer func() { err = errdefs.Join(err, p.remove(r, service)) }()
	batches := p.batches(service)
	register := func(i int) error { return r.Register(ctx, batches[i%len(batches)], registry.RegisterManual()) }

	took, err := repeat(ctx, 0, len(batches), register)
	if err != nil {
		return nil, err
	}
	results = append(results, measured("register", p.nodes, took, fmt.Sprintf("new nodes, %d in a call", batch)))

	if took, err = repeat(ctx, p.each, 0, register); err != nil {
		return nil, err
	}
	renewed := 0
	for i := range took {
		renewed += len(batches[i%len(batches)].Nodes)
	}
	results = append(results, measured("renew", renewed, took, fmt.Sprintf("nodes, %d in a call", batch)))

	took, err = repeat(ctx, p.each, 0, func(int) error {
		_, err := r.GetService(ctx, service)
		return err
	})
	if err != nil {
		return nil, err
	}
	results = append(results, measured("read", len(took), took, fmt.Sprintf("GetService of %d nodes", p.nodes)))

	if took, err = p.changes(ctx, r, service); err != nil {
		return nil, err
	}
	results = append(results, measured("notify", len(took), took, "a change of a node until a watch has it"))

	took, err = repeat(ctx, 0, 1, func(int) error { return r.Deregister(ctx, &registry.Service{Name: service}) })
	if err != nil {
		return nil, err
	}
	return append(results, measured("deregister", p.nodes, took, "nodes, in one call")), nil
}

// changes changes a node again and again, and returns how long each took to reach a watch.
func (p *plan) changes(ctx context.Context, r *registry.Redis, service string) ([]time.Duration, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	w, err := r.Watch(watching, registry.WatchService(service))
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	for range p.nodes {
		if _, err := w.Next(); err != nil {
			return nil, err
		}
	}
	return repeat(ctx, p.each, 0, func(i int) error {
		zone := fmt.Sprint("zone-", i)
		err := r.Register(ctx, &registry.Service{Name: service, Nodes: []*registry.Node{{ID: id(0), Address: "10.0.0.0:80", Zone: zone}}}, registry.RegisterManual())
		if err != nil {
			return err
		}
		for {
			result, err := w.Next()
			if err != nil {
				return err
			}
			if n := result.Service.Nodes[0]; n.ID == id(0) && n.Zone == zone {
				return nil
			}
		}
	})
}

// repeat calls f for a time, or n times, and returns how long each call took.
func repeat(ctx context.Context, period time.Duration, n int, f func(i int) error) (took []time.Duration, err error) {
	end := time.Now().Add(period)
	for i := 0; i < n || n == 0 && (i == 0 || time.Now().Before(end)); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := f(i); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// measured sums up calls that did a thing count times.
func measured(what string, count int, took []time.Duration, remark string) result {
	var all time.Duration
	for _, d := range took {
		all += d
	}
	r := result{What: what, Count: count, Took: all, Rate: float64(count) / max(all, 1).Seconds(), Remark: remark}
	if len(took) > 1 {
		sorted := slices.Sorted(slices.Values(took))
		r.P50, r.P99 = sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	}
	return r
}
