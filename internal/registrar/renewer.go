package registrar

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// coalesceWindow is how much sooner than due a batch is renewed to share a round, at
// most. A trip to Redis costs as much as eight small calls.
const coalesceWindow = 250 * time.Millisecond

// maxRound bounds the pipeline of a round, in batches. The next round begins at once.
const maxRound = 10_000

func slack(interval time.Duration) time.Duration { return min(coalesceWindow, interval/20) }

// A renewer renews leases, registers again what Redis has lost, and delivers what could
// not be deregistered. Checks run in goroutines of their own.
type renewer struct {
	*book
	checks actor.Group
	panics logs.Trouble  // of checks
	late   time.Duration // how much later than due the newest round began

	// Of the log, with book.mu: when Redis began to refuse renewals, zero while it does
	// not, and when a line said so last.
	refusedSince, refusalLogged time.Time
}

// run is its goroutine. It owns the schedule: each batch is due once an
// interval, and after a failure by its backoff.
func (r *renewer) run(ctx context.Context) {
	for ctx.Err() == nil {
		due, next := r.due(ctx, time.Now())
		if len(due) > 0 {
			r.round(ctx, due)
			continue
		}
		r.renewals.Until(ctx, actor.Earlier(next, r.remind()))
	}
}

// due returns the batches to renew now, or when the next one will be due. A
// batch with a check is asked first, in a goroutine, and due once it has passed.
func (r *renewer) due(ctx context.Context, now time.Time) (due []*batch, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = max(0, now.Sub(actor.Sooner(now, r.batches.First())))
	for _, b := range r.batches.TakeAhead(now, slack(r.intervals.Shortest()), maxRound) {
		limit := b.checkedAt.Add(b.key.interval / 3)
		switch {
		case b.checkState == checkRunning && limit.After(now):
			r.batches.Set(b, limit)
		case b.checkState == checkRunning: // it ignores its context
			r.withhold(b, context.DeadlineExceeded)
			r.logChanges()
		case b.check != nil && b.checkState == checkIdle:
			b.checkState, b.checkedAt = checkRunning, now
			r.batches.Set(b, now.Add(b.key.interval/3))
			r.checks.Go(func() { r.runCheck(ctx, b) })
		default:
			due = append(due, b)
		}
	}
	return due, actor.Sooner(now.Add(time.Hour), r.batches.First())
}

// A task is what one round does for one batch.
type task struct {
	batch   *batch
	renew   [][]*node // by call
	again   []*node   // to register
	pending []pendingDeregister
	err     error
}

// leastAttempt is what an attempt may take however short an interval is: else one
// service with a short interval, and Redis far away, would keep all others from
// being renewed. The shortest TTL allows for two of them.
const leastAttempt = 300 * time.Millisecond

// round renews, registers again and deregisters for the batches that are due. Renewal has
// a third of the shortest interval, and the rest has another third: a master that does not
// answer must not take the time that the nodes of another master need.
func (r *renewer) round(ctx context.Context, due []*batch) {
	began := time.Now()
	r.mu.Lock()
	attempt := max(r.intervals.Shortest()/3, leastAttempt) // of all batches, due or not: they wait for this round
	r.mu.Unlock()
	tasks := r.tasks(due, began)
	limited, cancel := context.WithTimeout(ctx, attempt)
	calls, nodes := r.renew(limited, tasks)
	cancel()
	limited, cancel = context.WithTimeout(ctx, attempt)
	r.registerAgain(limited, tasks)
	r.deliverPending(limited, tasks)
	cancel()
	limited, cancel = context.WithTimeout(ctx, attempt)
	r.publishRefused(limited, tasks, began)
	cancel()
	if ctx.Err() != nil {
		return // closing: what failed, failed for that
	}
	r.reschedule(tasks, began)
	var failed error
	for _, t := range tasks {
		failed = cmp.Or(failed, t.err)
	}
	r.sink.Renewed(Round{Calls: calls, Nodes: nodes, Late: r.late, Took: time.Since(began), Err: failed})
}

// reschedule says when each batch is due next after a round. A renewal that failed is tried
// again after a backoff, and logged. A node that could not be renewed for a whole TTL is lost:
// callers do not see it any more.
func (r *renewer) reschedule(tasks []*task, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.logChanges()
	now := time.Now()
	for _, t := range tasks {
		b := t.batch
		b.checkState = checkIdle
		if t.err == nil {
			b.backoff.Reset()
			r.renewalSucceeded(b)
			r.dueBy(b, began.Add(actor.Shortened(b.key.interval)))
		} else {
			retry := b.backoff.NextBackOff()
			r.dueFrom(b, now.Add(retry/2), now.Add(retry))
			r.c.Log.Debug(func(e *zerolog.Event) {
				e.Err(t.err).Stringer("service", b.service).Stringer("retry_in", retry).Msg("rollcall: renewal failed")
			})
			r.renewalFailed(b, t.err)
			for _, n := range b.nodes {
				switch {
				case n.State != lifecycle.Live:
				case n.shownUntil().Before(now):
					r.happens(n, lifecycle.Expired, errLost(n.ttl, t.err))
				default: // one more try, and then the loss is reported without delay
					r.dueFrom(b, n.shownUntil(), n.shownUntil())
				}
				if next := n.liveSentAt.Add(b.key.interval); next.After(now) {
					r.dueBy(b, next) // for the next message that it lives
				}
			}
		}
		for _, g := range b.pending {
			if g.from.After(now) {
				r.dueFrom(b, g.from, g.from)
			}
		}
		r.tidyBatch(b)
		r.tidy(b.service)
		r.tidied(b.service)
	}
}

// errLost says for how long a lease could not be renewed.
func errLost(ttl time.Duration, err error) error {
	return fmt.Errorf("no renewal for a TTL of %v: %w", ttl, err)
}

// tasks returns what each batch needs. What joins a batch from now on has to be due by
// itself.
func (r *renewer) tasks(due []*batch, now time.Time) []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	tasks := make([]*task, len(due))
	for i, b := range due {
		t := &task{batch: b}
		tasks[i] = t
		var renew []*node
		for _, id := range slices.Sorted(maps.Keys(b.nodes)) {
			if n := b.nodes[id]; n.Confirmed {
				renew = append(renew, n)
			} else {
				t.again = append(t.again, n)
			}
		}
		t.renew = slices.Collect(slices.Chunk(renew, lua.MaxNodes))
		b.pending = slices.DeleteFunc(b.pending, func(g pendingDeregister) bool { return g.until.Before(now) })
		for _, g := range b.pending {
			if !g.from.After(now) {
				t.pending = append(t.pending, g)
			}
		}
	}
	return tasks
}

// renew extends the leases, all calls in one pipeline.
func (r *renewer) renew(ctx context.Context, tasks []*task) (sentCount, nodeCount int) {
	type sentCall struct {
		task  *task
		nodes []*node
	}
	var calls []lua.RenewCall
	var sentCalls []sentCall
	r.mu.Lock()
	for _, t := range tasks {
		for _, nodes := range t.renew {
			call := lua.RenewCall{Target: r.target(ctx, t.batch.service)}
			for _, n := range nodes {
				call.Nodes = append(call.Nodes, n.lease())
			}
			calls, sentCalls = append(calls, call), append(sentCalls, sentCall{t, nodes})
			nodeCount += len(nodes)
		}
	}
	r.mu.Unlock()
	sent := time.Now()
	results := lua.Renew(ctx, r.c, calls...)
	received := time.Now()
	for i, sc := range sentCalls {
		res := results[i]
		if lua.IsTryAgain(res.Err) {
			res = lua.Joined(lua.RenewNodes(ctx, r.c, calls[i]))
			received = time.Now()
		}
		r.noteReply(ctx, sc.task.batch.service, res, sent, received)
		if res.Err != nil {
			sc.task.err = res.Err
			continue
		}
		r.renewed(ctx, sc.task, sc.nodes, res.Codes, sent)
	}
	return len(calls), nodeCount
}

// renewed draws the conclusions of a renewal: what Redis does not know any more
// is registered again in the same round.
func (r *renewer) renewed(ctx context.Context, t *task, nodes []*node, codes []lua.Code, sent time.Time) {
	held := r.heldBy(ctx, t.batch.service, nodes, codes)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range nodes {
		if codes[i] == lua.None {
			if n.State == lifecycle.Live && n.refusedSince.IsZero() { // else watchers hold it
				r.happens(n, lifecycle.Forgotten, errForgotten)
			}
			t.again = append(t.again, n)
			continue
		}
		_ = r.applyCode(n, codes[i], held[n.id], sent) // the node's state has it
	}
}
