package registrar

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// A liveCall is one message, of nodes of one service, and why Redis refused them.
type liveCall struct {
	service *service
	nodes   []*node
	message record.Live
	err     error
}

// publishRefused publishes that nodes live whose renewal Redis has refused in the round
// that began then.
func (r *renewer) publishRefused(ctx context.Context, tasks []*task, began time.Time) {
	var calls []liveCall
	r.mu.Lock()
	for _, t := range tasks {
		if t.err != nil {
			calls = append(calls, r.liveCalls(slices.Collect(maps.Values(t.batch.nodes)), t.err, began)...)
		}
	}
	r.mu.Unlock()
	r.publishLive(ctx, calls)
}

// publishManual does so for the nodes of a Register that is to renew them.
func (r *renewer) publishManual(ctx context.Context, nodes []*node, err error, began time.Time) {
	r.mu.Lock()
	manual, _ := partition(nodes, func(n *node) bool { return n.manual })
	calls := r.liveCalls(manual, err, began)
	r.mu.Unlock()
	r.publishLive(ctx, calls)
}

// liveCalls returns the messages that are due of some nodes of one service, where err
// says that Redis refuses to write: of those that are registered, that no other lease has
// taken, and that were not renewed since. Each node has one message an interval.
// book.mu is held.
func (r *book) liveCalls(nodes []*node, err error, since time.Time) (calls []liveCall) {
	why := lua.Refusal(err)
	if why == "" {
		return nil
	}
	now := time.Now()
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool {
		return !n.Confirmed || n.Over() || n.renewedSince(since) || n.liveSentAt.Add(n.interval-slack(n.interval)).After(now)
	})
	for chunk := range slices.Chunk(nodes, record.MaxLive) {
		s := chunk[0].service
		call := liveCall{service: s, nodes: chunk, err: err}
		call.message.Since, call.message.Why = s.clock.At(since), why
		for _, n := range chunk {
			if n.refusedSince.IsZero() {
				n.refusedSince = s.clock.At(since)
				r.refused[n] = true
			}
			call.message.Since = actor.Earlier(call.message.Since, n.refusedSince)
			call.message.Nodes = append(call.message.Nodes, record.LiveNode{Lease: n.token, ID: n.id})
		}
		calls = append(calls, call)
	}
	return calls
}

// publishLive sends the messages that are due, and notes what became of them.
func (r *renewer) publishLive(ctx context.Context, calls []liveCall) {
	sent := time.Now()
	errs := r.publish(ctx, calls)
	r.mu.Lock()
	defer r.mu.Unlock()
	failed, about := error(nil), 0
	for i, call := range calls {
		if errs[i] != nil {
			if failed == nil {
				failed, about = errs[i], i
			}
			continue
		}
		for _, n := range call.nodes {
			n.liveSentAt = sent
		}
	}
	r.logRefusal(calls[about:], failed)
}

// logRefusal logs that Redis refuses renewals, when that begins and once a minute, and when
// it ends. failed is why the message of the first call was not published. book.mu is held.
func (r *renewer) logRefusal(calls []liveCall, failed error) {
	now := time.Now()
	switch {
	case failed != nil && lua.Refusal(failed) == "": // the next round may publish it
	case len(calls) > 0 && now.Sub(r.refusalLogged) >= logs.RepeatEvery:
		call := calls[0]
		since, err := call.service.clock.Local(call.message.Since), redisconn.Classify(call.err)
		if r.refusedSince.IsZero() {
			r.refusedSince = since
		}
		r.refusalLogged = now
		text := "rollcall: redis refuses to renew leases. Watchers are informed that the nodes are alive; GetService and new watchers miss them once their leases end"
		if failed != nil {
			text = "rollcall: redis refuses to renew leases, and watchers cannot be informed that the nodes are alive: they lose them once their leases end"
		}
		if lua.IsNoLogin(err) {
			text = "rollcall: redis refuses the user or the password, so no lease is renewed and watchers cannot be informed that the nodes are alive: they lose them once their leases end. Give the registry those in force; a CredentialsProvider is asked at each new connection"
		}
		r.c.Log.Warn(func(e *zerolog.Event) {
			e.Err(err).AnErr("publish", failed).Str("namespace", call.service.keys.Namespace()).Str("service", call.service.keys.Name()).
				Time("since", since).Msg(text)
		})
	case !r.refusedSince.IsZero() && len(r.refused) == 0:
		since, lasted := r.refusedSince, now.Sub(r.refusedSince).Round(time.Millisecond)
		r.refusedSince, r.refusalLogged = time.Time{}, time.Time{}
		if r.renewsAgain { // otherwise the nodes that it refused have left
			r.c.Log.Warn(func(e *zerolog.Event) {
				e.Time("since", since).Stringer("lasted", lasted).Msg("rollcall: redis renews leases again")
			})
		}
		r.renewsAgain = false
	}
}

// publish sends each message to the master that has its service: the one that
// refuses, and in whose order the events come. It returns why each failed.
func (r *renewer) publish(ctx context.Context, calls []liveCall) []error {
	errs := make([]error, len(calls))
	masters := map[*redis.Client][]int{}
	for i, call := range calls {
		client, err := r.c.MasterClient(ctx, call.service.keys)
		if errs[i] = err; err == nil {
			masters[client] = append(masters[client], i)
		}
	}
	var all sync.WaitGroup
	for client, which := range masters {
		all.Go(func() {
			p := client.Pipeline()
			published := make([]*redis.IntCmd, len(which))
			for j, i := range which {
				published[j] = p.Publish(ctx, calls[i].service.keys.Events(r.c.DB), calls[i].message.Encode())
			}
			_, failed := p.Exec(ctx)
			if slices.ContainsFunc(published, func(cmd *redis.IntCmd) bool { return cmd.Err() != nil }) {
				failed = nil // each command has its own error, unless Redis refused the connection
			}
			for j, i := range which {
				errs[i] = cmp.Or(published[j].Err(), failed)
			}
		})
	}
	all.Wait()
	return errs
}
