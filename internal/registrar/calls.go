package registrar

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
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
	late, _ := partition(nodes, func(n *node) bool { return errors.Is(refused[n.service], lua.ErrLate) })
	if len(late) > 0 {
		// Redis's clock was not where we took it to be. Now it is known.
		again := r.sendRegister(ctx, late)
		for _, n := range late {
			refused[n.service] = again[n.service]
		}
	}
	r.undoIfLeft(ctx, nodes, refused)
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
func (r *book) undoIfLeft(ctx context.Context, nodes []*node, failed failures) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range nodes {
		if n.State != lifecycle.Left || n.Confirmed {
			continue
		}
		from := now
		if err := failed[n.service]; err != nil && unknown(err) {
			from = r.deadline(ctx)
		}
		r.deregisterLater(n, lua.Undo, from)
	}
}

// chooseLeases gives a lease to each node that has none. It starts after that of
// the present holder, so that it wins whatever the clocks say. It returns the services
// that this failed for, and why.
func (r *book) chooseLeases(ctx context.Context, nodes []*node) failures {
	byService := map[*service][]*node{}
	r.mu.Lock()
	for _, n := range nodes {
		if n.token == "" && n.State != lifecycle.Left {
			byService[n.service] = append(byService[n.service], n)
		}
	}
	r.mu.Unlock()
	failed := failures{}
	for s, nodes := range byService {
		for chunk := range slices.Chunk(nodes, lua.MaxNodes) {
			if failed.Add(s, r.chooseLeasesOf(ctx, s, chunk)); failed[s] != nil {
				break
			}
		}
	}
	return failed
}

func (r *book) chooseLeasesOf(ctx context.Context, s *service, nodes []*node) error {
	var clock *redis.TimeCmd
	holders := make([]*redis.StringCmd, len(nodes))
	sent := time.Now()
	cmds, err := r.c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i, n := range nodes {
			holders[i] = p.HGet(ctx, s.keys.Node(n.id), "lease")
		}
		clock = p.Time(ctx)
		return nil
	})
	err = redisconn.Refusal(cmds, err)
	if errors.Is(err, redis.Nil) { // a node that no lease holds
		err = clock.Err()
	}
	now := clock.Val()
	starts := make([]int64, len(nodes))
	for i, h := range holders {
		lease, herr := h.Result()
		if herr != nil && !errors.Is(herr, redis.Nil) {
			err = cmp.Or(err, herr)
		}
		starts[i] = now.UnixMicro()
		if holder, perr := record.ParseHolder(lease); perr == nil {
			starts[i] = max(starts[i], holder.Start+1)
		}
	}
	if err != nil {
		r.c.Reload(ctx)
		return err
	}
	master, received := r.c.Master(ctx, s.keys), time.Now()

	r.mu.Lock()
	defer r.mu.Unlock()
	s.answered(replica.Answer{Sent: sent, Received: received, Now: now, Master: master})
	for i, n := range nodes {
		if n.token == "" {
			n.token = record.Lease{Start: starts[i], Nonce: record.NewNonce()}.String()
		}
	}
	return nil
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
			len(puts[p].nodes) == lua.MaxNodes || size > maxCallBytes {
			puts = append(puts, registerCall{service: n.service, call: lua.RegisterCall{
				Target: r.target(ctx, n.service), Exclusive: n.exclusive,
			}})
			p, size = p+1, len(n.data)+len(n.apis)
		}
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
	return lua.Target{Service: s.keys, DB: r.c.DB, Deadline: s.clock.At(r.deadline(ctx)), Nonce: record.NewNonce()}
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
		r.c.Attempted(s.String(), unanswered(res))
	}
	r.logUnpublished(s, res)
	if res.Now.IsZero() {
		s.clock.Failed()
		return
	}
	s.answered(replica.Answer{Sent: sent, Received: received, Now: res.Now, Master: master})
	if res.Err != nil || !known {
		return
	}
	if s.next = res.Next; !s.reapFor.Equal(s.next) || s.Due().IsZero() {
		r.reapForNext(s, received)
	}
}

// unanswered is why a call has no reply, or nil.
func unanswered(res lua.Result) error {
	if res.Now.IsZero() {
		return res.Err
	}
	return nil
}

// registerResult takes the reply to a register call, and returns why the call failed.
func (r *book) registerResult(ctx context.Context, p registerCall, res lua.Result, sent, received time.Time) error {
	r.noteReply(ctx, p.service, res, sent, received)
	if res.Err != nil {
		return res.Err
	}
	held := r.holders(ctx, p.service, p.nodes, res.Codes)
	var refused error
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range p.nodes {
		err := r.applyCode(n, res.Codes[i], held[n], sent)
		if err != nil && refused == nil {
			refused = &errdefs.NodeError{Node: n.id, Err: err}
		}
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
