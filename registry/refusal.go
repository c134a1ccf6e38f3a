package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
)

// remedies say what to do when Redis serves reads and refuses writes, by the code
// that its answer begins with.
var remedies = map[string]string{
	"READONLY":   "the server is a replica: connect to the master, or make it a master again",
	"NOREPLICAS": "bring its replicas back, or lower its min-replicas-to-write",
	"MISCONF":    "it cannot save its data: see its log, and free its disk",
	"OOM":        "its memory is full: raise its maxmemory, or remove other keys",
}

// remedied joins an answer that refuses writes with ErrUnavailable and the remedy;
// why is what Redis said. It returns nil where there is none.
func remedied(err error, why string) error {
	code, _, _ := strings.Cut(why, " ")
	if remedy := remedies[code]; remedy != "" {
		return fmt.Errorf("%w: %w: %s", ErrUnavailable, err, remedy)
	}
	return nil
}

// A liveCall is one message, and the nodes that it is about.
type liveCall struct {
	task    *task
	nodes   []*node
	message record.Live
}

// tellAlive publishes that nodes live whose renewal Redis has refused in the round
// that began then: those that are registered, and that nobody else has taken. Each
// is told of once an interval.
func (r *Redis) tellAlive(ctx context.Context, c *conn, tasks []*task, began time.Time) {
	calls := r.liveCalls(tasks, began)
	sent := time.Now()
	errs := c.publish(ctx, calls)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, call := range calls {
		if errs[i] == nil {
			for _, n := range call.nodes {
				n.told = sent
			}
		}
	}
	r.logRefusal(c, calls, cmp.Or(errs...))
}

// liveCalls notes for each batch whether Redis refuses its renewals, and returns
// the messages that are due.
func (r *Redis) liveCalls(tasks []*task, began time.Time) (calls []liveCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range tasks {
		b, why := t.batch, lua.Refusal(t.err)
		if t.err == nil {
			b.refusedSince = time.Time{}
		}
		if why == "" {
			continue
		}
		var nodes []*node
		for _, n := range b.nodes {
			if n.confirmed && !n.renewedSince(began) && !n.told.Add(b.key.interval-b.key.slack()).After(began) {
				nodes = append(nodes, n)
			}
		}
		if len(nodes) > 0 && b.refusedSince.IsZero() {
			b.refusedSince = began
		}
		for chunk := range slices.Chunk(nodes, record.MaxLive) {
			m := record.Live{Since: b.service.contact.at(b.refusedSince), Why: why}
			for _, n := range chunk {
				m.Nodes = append(m.Nodes, record.LiveNode{Lease: n.token, ID: n.id})
			}
			calls = append(calls, liveCall{t, chunk, m})
		}
	}
	return calls
}

// logRefusal says, once each, that Redis begins to refuse renewals, or not to. failed
// is why watchers could not be told. Redis.mu is held.
func (r *Redis) logRefusal(c *conn, calls []liveCall, failed error) {
	switch {
	case r.refusedSince.IsZero() && len(calls) > 0:
		t := calls[0].task
		r.refusedSince = t.batch.refusedSince
		since, s, err := r.refusedSince, t.batch.service, classify(t.err)
		told := "rollcall: redis refuses to renew leases. Watchers are told that the nodes live; GetService and new watchers miss them once their leases end"
		if failed != nil {
			told = "rollcall: redis refuses to renew leases, and watchers cannot be told that the nodes live: they lose them once their leases end"
		}
		c.warn(func(e *zerolog.Event) {
			e.Err(err).AnErr("publish", failed).Str("namespace", s.namespace).Str("service", s.name).
				Time("since", since).Msg(told)
		})
	case !r.refusedSince.IsZero() && !r.refused():
		lasted := time.Since(r.refusedSince).Round(time.Millisecond)
		r.refusedSince = time.Time{}
		c.warn(func(e *zerolog.Event) { e.Stringer("after", lasted).Msg("rollcall: redis renews leases again") })
	}
}

// refused tells whether Redis refuses to renew any batch. Redis.mu is held.
func (r *Redis) refused() bool {
	for _, s := range r.services {
		for _, b := range s.batches {
			if !b.refusedSince.IsZero() {
				return true
			}
		}
	}
	return false
}

// publish sends each message to the master that has its service: the one that
// refuses, and in whose order the events come. It returns why each failed.
func (c *conn) publish(ctx context.Context, calls []liveCall) []error {
	errs := make([]error, len(calls))
	masters := map[*redis.Client][]int{}
	for i, call := range calls {
		client, err := c.masterClient(ctx, call.task.batch.service.keys)
		if errs[i] = err; err == nil {
			masters[client] = append(masters[client], i)
		}
	}
	var all sync.WaitGroup
	for client, which := range masters {
		all.Go(func() {
			_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, i := range which {
					p.Publish(ctx, calls[i].task.batch.service.keys.Events(c.db), calls[i].message.Encode())
				}
				return nil
			})
			for _, i := range which {
				errs[i] = err
			}
		})
	}
	all.Wait()
	return errs
}
