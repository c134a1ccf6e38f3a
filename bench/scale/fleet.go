package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/registry"
)

// A result is what one size of the fleet took.
type result struct {
	Nodes, Services, Registries, Watchers int
	Layout                                string
	Registered                            float64   // s, until all nodes were in Redis
	RedisCPU                              []float64 // % of a core, of each server
	ClientCPU                             float64   // % of a core, of this process
	Renewals                              float64   // of nodes, a second
	Missed                                int64     // losses that registries report, of one or more nodes, and rounds of renewals that failed
	Left                                  int       // nodes that Redis lists at the end; Nodes, if none is missing
	Events, EventsDue                     int64     // that watchers have got, and that they should
	Sent                                  float64   // KB a second, by all servers
	PublishUS, ShardedPublishUS           float64   `json:",omitempty"` // CPU of all servers for a message
}

// A fleet is the registries and watchers of one size.
type fleet struct {
	s          settings
	registries []*registry.Redis
	renewed    atomic.Int64
	missed     atomic.Int64
	events     atomic.Int64
	running    sync.WaitGroup
}

func (f *fleet) open(d *deployment) *registry.Redis {
	r := registry.NewRegistry(d.options(), registry.Timeout(time.Minute), registry.TTL(f.s.ttl), registry.Observe(f.observe))
	f.registries = append(f.registries, r)
	return r
}

func (f *fleet) observe(e registry.Event) {
	if e, ok := e.(registry.RenewEvent); ok {
		f.renewed.Add(int64(e.Nodes))
		if e.Err != nil {
			f.missed.Add(1)
		}
	}
}

// onState counts losses. Unlike the observer it is called once for nodes that register
// together, so a large fleet does not make the registry drop reports.
func (f *fleet) onState(s registry.State, _ error) {
	if s == registry.Lost {
		f.missed.Add(1)
	}
}

func (f *fleet) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range f.registries {
		all.Go(func() { _ = r.Close(ctx) })
	}
	all.Wait()
	f.running.Wait()
}

// measured registers the nodes, renews them and says what it took.
func measured(ctx context.Context, s settings, d *deployment, nodes int) (result, error) {
	f := &fleet{s: s}
	defer f.close()
	out := result{Nodes: nodes, Services: min(s.services, nodes), Registries: s.registries, Watchers: s.watchers, Layout: s.layout}
	writers := make([]*registry.Redis, s.registries)
	for i := range writers {
		writers[i] = f.open(d)
	}
	start := time.Now()
	if err := f.register(ctx, writers, out.Services, nodes); err != nil {
		return out, err
	}
	out.Registered = time.Since(start).Seconds()
	for range s.watchers {
		if err := f.watch(ctx, f.open(d)); err != nil {
			return out, err
		}
	}
	before, err := d.usage(ctx)
	if err != nil {
		return out, err
	}
	f.renewed.Store(0)
	f.events.Store(0)
	client, start := measure.CPU(), time.Now()
	changes, err := f.change(ctx, writers[0])
	if err != nil {
		return out, err
	}
	took := time.Since(start)
	after, err := d.usage(ctx)
	if err != nil {
		return out, err
	}
	for i := range after {
		out.RedisCPU = append(out.RedisCPU, 100*(after[i].cpu-before[i].cpu)/took.Seconds())
		out.Sent += (after[i].sent - before[i].sent) / 1e3 / took.Seconds()
	}
	out.ClientCPU = 100 * (measure.CPU() - client).Seconds() / took.Seconds()
	out.Renewals = float64(f.renewed.Load()) / took.Seconds()
	out.Events, out.EventsDue = f.events.Load(), int64(changes*s.watchers)
	out.Missed = f.missed.Load()
	out.Left, err = d.listed(ctx, out.Services)
	return out, err
}

// register gives each registry its part, and each of them registers by four callers at once.
func (f *fleet) register(ctx context.Context, writers []*registry.Redis, services, nodes int) error {
	var callers sync.WaitGroup
	errs := make(chan error, 4*len(writers))
	for w, r := range writers {
		for caller := range 4 {
			callers.Go(func() {
				for i := caller; i < services; i += 4 {
					s := f.part(i, w, services, nodes)
					if len(s.Nodes) == 0 {
						continue
					}
					if err := r.Register(ctx, s, registry.OnState(f.onState)); err != nil {
						errs <- err
						return
					}
				}
			})
		}
	}
	callers.Wait()
	close(errs)
	return <-errs // the first one, or nil
}

func name(service int) string { return fmt.Sprint("shop-", service) }

// part is what one registry registers of a service.
func (f *fleet) part(service, writer, services, nodes int) *registry.Service {
	s := &registry.Service{Name: name(service)}
	for i := service; i < nodes; i += services {
		of := service % f.s.registries
		if f.s.layout == "spread" {
			of = i / services % f.s.registries
		}
		if of == writer {
			s.Nodes = append(s.Nodes, node(i, registry.DefaultWeight))
		}
	}
	return s
}

func node(i, weight int) *registry.Node {
	address := fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255)
	return &registry.Node{Address: address, Weight: weight, Metadata: measure.Tags}
}

// watch counts the changes of the first service that come after the nodes that are there.
func (f *fleet) watch(ctx context.Context, r *registry.Redis) error {
	w, err := r.Watch(ctx, registry.WatchService(name(0)))
	if err != nil {
		return err
	}
	f.running.Go(func() {
		for {
			change, err := w.Next()
			if err != nil {
				return // closed
			}
			if change.Action == registry.Update {
				f.events.Add(1)
			}
		}
	})
	return nil
}

// change changes the first node of the first service so often, and returns when the time is
// over, and how many changes it made.
func (f *fleet) change(ctx context.Context, r *registry.Redis) (changes int, err error) {
	end := time.After(f.s.lasts)
	var tick <-chan time.Time
	if f.s.changes > 0 {
		t := time.NewTicker(time.Second / time.Duration(f.s.changes))
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return changes, ctx.Err()
		case <-end:
			return changes, nil
		case <-tick:
			changes++
			s := &registry.Service{Name: name(0), Nodes: []*registry.Node{node(0, registry.DefaultWeight+1+changes%2)}}
			if err := r.Register(ctx, s, registry.OnState(f.onState)); err != nil {
				return changes, err
			}
		}
	}
}
