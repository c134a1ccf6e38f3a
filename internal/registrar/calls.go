package registrar

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// maxCallBytes bounds the records of one script call: with a large API document
// in each, a hundred nodes would hold Redis too long.
const maxCallBytes = 256 << 10

// registerNodes registers nodes, of any services, under their leases. It returns why services
// failed; the state of each node has the rest. A service that fails keeps no other one
// from being registered.
func (r *book) registerNodes(ctx context.Context, nodes []*node) failures {
	failed := r.chooseLeases(ctx, nodes)
	nodes, _ = partition(nodes, func(n *node) bool { return failed[n.service] == nil })
	refused := r.sendRegister(ctx, nodes)
	again := nodes
	for range 2 { // a late call that is sent again may need leases chosen anew
		again, _ = partition(again, func(n *node) bool { return tryAgain(refused[n.service]) })
		now := r.sendRegister(ctx, again)
		for _, n := range again {
			refused[n.service] = now[n.service]
		}
	}
	r.undoIfLeft(nodes, refused)
	for s, err := range refused {
		failed.Add(s, err)
	}
	return failed
}

// partition returns those of nodes that are so, and those that are not.
func partition(nodes []*node, so func(*node) bool) (yes, no []*node) {
	for _, n := range nodes {
		if so(n) {
			yes = append(yes, n)
		} else {
			no = append(no, n)
		}
	}
	return yes, no
}

// failures are those of calls, by service.
type failures = errdefs.Failures[*service]

// undoIfLeft undoes what a call has done, or may yet do, for nodes that were
// deregistered while it was under way: that may have come to Redis before it.
func (r *book) undoIfLeft(nodes []*node, failed failures) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range nodes {
		if n.State == lifecycle.Left && !n.Confirmed {
			r.undoLater(n, failed[n.service])
		}
	}
}

// A registerCall is one script call, and the nodes that it is about.
type registerCall struct {
	service *service
	nodes   []*node
	call    lua.RegisterCall
}

func (r *book) sendRegister(ctx context.Context, nodes []*node) failures {
	puts := r.registerCalls(ctx, nodes)
	calls := make([]lua.RegisterCall, len(puts))
	for i, p := range puts {
		calls[i] = p.call
	}
	sent := time.Now()
	results := lua.Register(ctx, r.c, calls...)
	received := time.Now()

	failed := failures{}
	for i, p := range puts {
		failed.Add(p.service, r.registerResult(ctx, p, results[i], sent, received))
	}
	return failed
}

// registerCalls cuts nodes into calls of one service each.
func (r *book) registerCalls(ctx context.Context, nodes []*node) []registerCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes = slices.DeleteFunc(slices.Clone(nodes), (*node).Over)
	slices.SortFunc(nodes, func(a, b *node) int {
		return cmp.Or(
			cmp.Compare(a.service.keys.Namespace(), b.service.keys.Namespace()), cmp.Compare(a.service.keys.Name(), b.service.keys.Name()),
			cmp.Compare(a.id, b.id))
	})
	var puts []registerCall
	size := 0
	for _, n := range nodes {
		p := len(puts) - 1
		size += len(n.data) + len(n.apis)
		if p < 0 || puts[p].service != n.service || puts[p].call.Exclusive != n.exclusive ||
			puts[p].call.Guess != n.guess() || len(puts[p].nodes) == lua.MaxNodes || size > maxCallBytes {
			call := lua.RegisterCall{Target: r.target(ctx, n.service), Exclusive: n.exclusive, Guess: n.guess()}
			if call.Guess { // relative to its start
				call.Deadline = r.clockOf(n.service).Least(r.deadline(ctx))
			}
			puts = append(puts, registerCall{service: n.service, call: call})
			p, size = p+1, len(n.data)+len(n.apis)
		}
		n.callsUntil = actor.Later(n.callsUntil, puts[p].call.Deadline)
		puts[p].nodes = append(puts[p].nodes, n)
		puts[p].call.Nodes = append(puts[p].call.Nodes, lua.Registration{
			Lease: n.lease(), Data: n.data, APIs: n.apis,
		})
	}
	return puts
}

// target is a service as a script call names it, with ctx's deadline by Redis's
// clock. book.mu is held.
func (r *book) target(ctx context.Context, s *service) lua.Target {
	return lua.Target{Service: s.keys, DB: r.c.DB, Deadline: r.clockOf(s).At(r.deadline(ctx)), Nonce: record.NewNonce()}
}

// deadline is when a script call that is made now is too late, by our clock: a caller
// may have hours, but what hung in a socket for longer than Options.Timeout must not
// act any more.
func (r *book) deadline(ctx context.Context) time.Time {
	latest := time.Now().Add(r.c.Timeout())
	if deadline, ok := ctx.Deadline(); ok {
		return actor.Earlier(deadline, latest)
	}
	return latest
}

// noteReply takes what the reply of any script says about the service.
func (r *book) noteReply(ctx context.Context, s *service, res lua.Result, sent, received time.Time) {
	var master string
	if res.Now.IsZero() {
		r.c.Reload(ctx)
	} else {
		master = r.c.Master(ctx, s.keys)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.services[s.keys] == s // one that has left is of no interest any more
	if known {
		r.c.Attempted(s.String(), res.Unanswered())
	}
	r.logUnpublished(s, res)
	if res.Now.IsZero() {
		s.clock.Failed()
		return
	}
	r.answered(s, replica.Answer{Sent: sent, Received: received, Now: res.Now, Master: master})
	if res.Err != nil || !known {
		return
	}
	if s.next = res.Next; !s.reapFor.Equal(s.next) || s.Due().IsZero() {
		r.reapForNext(s, received)
	}
}

// registerResult takes the reply to a register call, and returns why the call failed.
func (r *book) registerResult(ctx context.Context, p registerCall, res lua.Result, sent, received time.Time) error {
	r.noteReply(ctx, p.service, res, sent, received)
	if res.Err != nil {
		return res.Err
	}
	anew := r.chooseAnew(p, res)
	held := r.heldBy(ctx, p.service, p.nodes, res.Codes)
	var refused error
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range p.nodes {
		err := r.applyCode(n, res.Codes[i], held[n.id], sent)
		if err != nil && refused == nil {
			refused = &errdefs.NodeError{Node: n.id, Err: err}
		}
	}
	if refused == nil && anew {
		return errChosenAnew
	}
	return refused
}

// logUnpublished warns where changes were made but their events were refused. There is no line
// when that ends: most calls publish nothing, and so do not show it.
func (r *book) logUnpublished(s *service, res lua.Result) {
	if res.Unpublished != nil {
		r.c.Log.Troubled(&r.unpublished, "", "rollcall: a change was made but its event was refused: watchers see it by their next poll; allow PUBLISH on the channel",
			func(e *zerolog.Event) {
				e.Err(res.Unpublished).Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name())
			})
	}
}
