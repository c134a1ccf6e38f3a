package registry

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// maxReading is how many snapshots are under way at once: Redis has others to
// serve.
const maxReading = 8

// task runs wait outside of the hub's goroutine, bounded, and then done in it.
func (h *hub) task(wait func(ctx context.Context), done func(now time.Time)) {
	h.tasks.Go(func() {
		ctx, cancel := h.c.Bound(h.ctx)
		wait(ctx)
		cancel()
		h.do(func() { done(time.Now()) })
	})
}

func (h *hub) read(f *feed) {
	var snap reading
	var err error
	h.task(func(context.Context) {
		select {
		case h.reading <- struct{}{}:
			defer func() { <-h.reading }()
			ctx, cancel := h.c.Bound(h.ctx) // the wait for a turn does not count
			defer cancel()
			snap, err = h.c.snapshot(ctx, f.service)
		case <-h.ctx.Done():
			err = h.ctx.Err()
		}
	}, func(now time.Time) {
		if err != nil {
			h.c.Reload(h.ctx)
			f.ReadFailed(redisconn.Classify(err), now)
			h.after(f, replica.Settled)
			return
		}
		h.after(f, f.Read(snap.Snapshot, snap.answer, now))
	})
}

func (h *hub) probe(f *feed, q replica.Question) {
	var p replica.Point
	var err error
	h.task(func(ctx context.Context) {
		p, err = point(h.c.HMGet(ctx, f.service.Version(), "epoch", "rev", "tag").Result())
	}, func(now time.Time) {
		if err != nil {
			h.c.Reload(h.ctx)
			err = redisconn.Classify(err)
		}
		h.after(f, f.Probed(q, p, err, now))
	})
}

// pollsTogether is how many services are polled in one pipeline.
const pollsTogether = 100

// A duePoll is a feed that is polled, and what it knew when that began.
type duePoll struct {
	feed *feed
	q    replica.Question
}

func (h *hub) poll(polls []duePoll) {
	for chunk := range slices.Chunk(polls, pollsTogether) {
		services := make([]keys.Service, len(chunk))
		for i, p := range chunk {
			services[i] = p.feed.service
		}
		h.task(func(ctx context.Context) {
			h.c.look(ctx, services, func(which []int, looks []look) {
				h.do(func() {
					for j, i := range which {
						h.looked(chunk[i].feed, chunk[i].q, looks[j])
					}
				})
			})
		}, func(time.Time) {})
	}
}

func (h *hub) looked(f *feed, q replica.Question, l look) {
	if h.feeds[f.service.Events(h.c.DB)] == f {
		h.c.Attempted(f.subject(), l.err)
	}
	if l.err != nil {
		h.c.Reload(h.ctx)
		f.PollFailed(redisconn.Classify(l.err), time.Now())
		h.after(f, replica.Settled)
		return
	}
	judge, v := f.Polled(q, l.Poll, time.Now())
	switch {
	case judge && l.Crowded:
		h.ended(f, l.Answer.Now)
	case judge:
		h.check(f, f.Overdue(l.Overdue, time.Time{}))
	}
	h.after(f, v)
}

// ended reads which leases have ended, where a poll has not seen all of them.
func (h *hub) ended(f *feed, at time.Time) {
	var ids []string
	var next time.Time
	var err error
	h.task(func(ctx context.Context) {
		ids, next, err = h.c.ended(ctx, f.service, at)
	}, func(now time.Time) {
		if err != nil {
			h.unchecked(f, err, now)
			return
		}
		ids = f.Overdue(ids, next)
		h.plan(f)
		h.check(f, ids)
	})
}

// check looks for the hashes of nodes whose leases have ended: nobody may be
// left to reap them.
func (h *hub) check(f *feed, ids []string) {
	if len(ids) == 0 {
		return
	}
	q := f.Question()
	var gone []string
	var master string
	var err error
	h.task(func(ctx context.Context) {
		gone, master, err = h.c.vanished(ctx, f.service, ids)
	}, func(now time.Time) {
		if err != nil {
			h.unchecked(f, err, now)
			return
		}
		f.Missing(q, gone, master, now)
		h.after(f, replica.Settled)
	})
}

// unchecked notes that the nodes whose leases have ended could not be looked for.
func (h *hub) unchecked(f *feed, err error, now time.Time) {
	h.c.Reload(h.ctx)
	f.CheckFailed(redisconn.Classify(err), now)
	h.after(f, replica.Settled)
}
