package registry

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// together is how much sooner than due a batch is renewed to share a round, at
// most: with the shortest intervals, a tenth.
const together = 50 * time.Millisecond

func slack(interval time.Duration) time.Duration { return min(together, interval/10) }

// keepAlive is the keeper. It owns the schedule: each batch is due once an
// interval, and after a failure by its backoff.
func (r *Redis) keepAlive(ctx context.Context, c *conn, a *actors) {
	for ctx.Err() == nil {
		due, next := r.due(ctx, c, a, time.Now())
		if len(due) > 0 {
			r.round(ctx, c, due)
			continue
		}
		a.renewals.Until(ctx, actor.Earlier(next, r.remind(c, time.Now())))
	}
}

// due returns the batches to renew now, or when the next one will be due. A
// batch with a check is asked first, in a goroutine, and due once it passed.
func (r *Redis) due(ctx context.Context, c *conn, a *actors, now time.Time) (due []*batch, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = now.Add(time.Hour)
	for _, s := range r.services {
		for _, b := range s.batches {
			switch {
			case b.inquiry == asking:
				if limit := b.asked.Add(b.key.interval / 3); limit.After(now) {
					next = actor.Earlier(next, limit)
				} else { // it does not heed its context
					r.withhold(c, b, context.DeadlineExceeded)
					r.tell(c)
				}
			case b.due.After(now.Add(slack(b.key.interval))):
				next = actor.Earlier(next, b.due)
			case b.check != nil && b.inquiry == unasked:
				b.inquiry, b.asked = asking, now
				r.checks.Go(func() { r.ask(ctx, c, b) })
			default:
				due = append(due, b)
			}
		}
	}
	return due, next
}

// A task is what one round does for one batch.
type task struct {
	batch    *batch
	renew    [][]*node // by call
	again    []*node   // to register
	goodbyes []goodbye
	err      error
}

// leastAttempt is what an attempt may take however short an interval is: else one
// service with a short interval, and Redis far away, would keep all others from
// being renewed. The shortest TTL allows for two of them.
const leastAttempt = 300 * time.Millisecond

// round renews, registers again and says goodbye for the batches that are due. Renewal
// has a third of the shortest interval, and the rest has another: a master that does
// not answer must not take from what another one has lost the time to come back.
func (r *Redis) round(ctx context.Context, c *conn, due []*batch) {
	began := time.Now()
	attempt := max(r.shortest()/3, leastAttempt)
	tasks := r.tasks(due, began)
	limited, cancel := context.WithTimeout(ctx, attempt)
	report := r.renew(limited, c, tasks)
	cancel()
	limited, cancel = context.WithTimeout(ctx, attempt)
	r.registerAgain(limited, c, tasks)
	r.sayGoodbyes(limited, c, tasks)
	cancel()
	limited, cancel = context.WithTimeout(ctx, attempt)
	r.tellAlive(limited, c, tasks, began)
	cancel()
	if ctx.Err() != nil {
		return // closing: what failed, failed for that
	}
	r.schedule(c, tasks, began)
	for _, t := range tasks {
		report.Err = cmp.Or(report.Err, t.err)
	}
	report.Took = time.Since(began)
	c.observe(report)
}

// shortest is the shortest interval of all batches, due or not: a round that
// waits for a dead master keeps the services of others waiting.
func (r *Redis) shortest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	shortest := time.Hour
	for _, s := range r.services {
		for _, b := range s.batches {
			shortest = min(shortest, b.key.interval)
		}
	}
	return shortest
}

// tasks looks what each batch needs. What joins a batch from now on has to be due by
// itself.
func (r *Redis) tasks(due []*batch, now time.Time) []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	tasks := make([]*task, len(due))
	for i, b := range due {
		t := &task{batch: b}
		tasks[i] = t
		var renew []*node
		for _, id := range slices.Sorted(maps.Keys(b.nodes)) {
			if n := b.nodes[id]; n.confirmed {
				renew = append(renew, n)
			} else {
				t.again = append(t.again, n)
			}
		}
		t.renew = slices.Collect(slices.Chunk(renew, lua.MaxNodes))
		b.due = time.Time{}
		b.goodbyes = slices.DeleteFunc(b.goodbyes, func(g goodbye) bool { return g.until.Before(now) })
		for _, g := range b.goodbyes {
			if !g.from.After(now) {
				t.goodbyes = append(t.goodbyes, g)
			}
		}
	}
	return tasks
}

// renew extends the leases, all calls in one pipeline.
func (r *Redis) renew(ctx context.Context, c *conn, tasks []*task) RenewEvent {
	type sentCall struct {
		task  *task
		nodes []*node
	}
	var report RenewEvent
	var calls []lua.RenewCall
	var sentCalls []sentCall
	r.mu.Lock()
	for _, t := range tasks {
		for _, nodes := range t.renew {
			call := lua.RenewCall{Target: c.target(ctx, t.batch.service)}
			for _, n := range nodes {
				call.Nodes = append(call.Nodes, n.lease())
			}
			calls, sentCalls = append(calls, call), append(sentCalls, sentCall{t, nodes})
			report.Nodes += len(nodes)
		}
	}
	r.mu.Unlock()
	report.Calls = len(calls)
	sent := time.Now()
	results := lua.Renew(ctx, c, calls...)
	received := time.Now()
	for i, sc := range sentCalls {
		res := results[i]
		if lua.IsTryAgain(res.Err) {
			res = oneByOne(lua.RenewNodes(ctx, c, calls[i]))
			received = time.Now()
		}
		r.heard(ctx, c, sc.task.batch.service, res, sent, received)
		if res.Err != nil {
			sc.task.err = res.Err
			continue
		}
		r.renewed(ctx, c, sc.task, sc.nodes, res.Codes, sent)
	}
	return report
}

// oneByOne makes one result of those of the nodes of a call.
func oneByOne(results []lua.Result) lua.Result {
	var all lua.Result
	for _, res := range results {
		if res.Err != nil {
			return lua.Result{Now: all.Now, Err: res.Err}
		}
		all.Now, all.Codes = res.Now, append(all.Codes, res.Codes...)
	}
	return all
}

// renewed draws the conclusions of a renewal: what Redis does not know any more
// is registered again in the same round.
func (r *Redis) renewed(ctx context.Context, c *conn, t *task, nodes []*node, codes []lua.Code, sent time.Time) {
	held := c.holders(ctx, t.batch.service, nodes, codes)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range nodes {
		if codes[i] == lua.None {
			if n.state == Live && n.refusedSince.IsZero() { // else watchers hold it
				r.become(c, n, Lost, errForgotten)
			}
			t.again = append(t.again, n)
			continue
		}
		_ = r.judge(c, n, codes[i], held[n], sent) // what it finds, the node's state says
	}
}
