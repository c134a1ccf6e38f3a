package registry

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// maxReading is how many snapshots are under way at once: Redis has others to
// serve.
const maxReading = 8

// task runs wait outside of the hub's goroutine, bounded, and then done in it.
func (h *hub) task(wait func(ctx context.Context), done func(now time.Time)) {
	h.tasks.Go(func() {
		ctx, cancel := h.c.bound(h.ctx)
		wait(ctx)
		cancel()
		h.do(func() { done(time.Now()) })
	})
}

func (h *hub) read(f *feed) {
	f.reading, f.rereadAt = true, time.Time{}
	f.replica.Begin()
	gen := h.gen
	var snap reading
	var err error
	h.task(func(context.Context) {
		select {
		case h.reading <- struct{}{}:
			defer func() { <-h.reading }()
			ctx, cancel := h.c.bound(h.ctx) // the wait for a turn does not count
			defer cancel()
			snap, err = h.c.snapshot(ctx, f.name)
		case <-h.ctx.Done():
			err = h.ctx.Err()
		}
	}, func(now time.Time) {
		if err != nil {
			h.c.failed(h.ctx)
		}
		if err == nil && (gen != h.gen || !f.subscribed) {
			f.reading = false
			f.replica.Abandon() // events may have been lost meanwhile: once more
			f.reread(now)
			h.after(f, false)
			return
		}
		h.after(f, f.read(snap, err, h.c.o.PollInterval, now))
	})
}

func (h *hub) probe(f *feed) {
	f.probing, f.probeAt = true, time.Time{}
	mark, arrivals := f.replica.Mark(), f.replica.Arrivals()
	var p replica.Point
	var err error
	h.task(func(ctx context.Context) {
		p, err = point(h.c.HMGet(ctx, f.keys.Version(), "epoch", "rev", "tag").Result())
	}, func(now time.Time) {
		f.probing = false
		if err != nil {
			h.c.failed(h.ctx)
			f.fail(err, now)
			f.probeAt = now.Add(between(doubtLatest, 2*doubtLatest))
			h.after(f, false)
			return
		}
		h.after(f, f.follow(f.replica.Probe(p, mark, arrivals), now))
	})
}

// pollsTogether is how many services are polled in one pipeline.
const pollsTogether = 100

func (h *hub) poll(feeds []*feed) {
	for len(feeds) > 0 {
		chunk := feeds[:min(pollsTogether, len(feeds))]
		feeds = feeds[len(chunk):]
		services := make([]keys.Service, len(chunk))
		marks, arrivals := make([]uint64, len(chunk)), make([]uint64, len(chunk))
		for i, f := range chunk {
			services[i], marks[i], arrivals[i] = f.keys, f.replica.Mark(), f.replica.Arrivals()
		}
		h.task(func(ctx context.Context) {
			h.c.look(ctx, services, func(which []int, looks []look) {
				h.do(func() {
					for j, i := range which {
						h.looked(chunk[i], looks[j], marks[i], arrivals[i])
					}
				})
			})
		}, func(time.Time) {})
	}
}

func (h *hub) looked(f *feed, l look, mark, arrivals uint64) {
	if h.feeds[f.keys.Events(h.c.db)] == f {
		h.c.attempted(f.subject(), l.err)
	}
	if l.err != nil {
		h.c.failed(h.ctx)
	}
	judge, missed := f.looked(l, mark, arrivals, h.c.o.PollInterval, time.Now())
	switch {
	case judge && l.crowded:
		h.ended(f, l.now)
	case judge:
		h.check(f, l.overdue)
	}
	h.after(f, missed)
}

// ended reads which leases have ended, where a poll has not seen all of them.
func (h *hub) ended(f *feed, at time.Time) {
	var ids []string
	var next time.Time
	var err error
	h.task(func(ctx context.Context) {
		ids, next, err = h.c.ended(ctx, f.keys, at)
	}, func(time.Time) {
		if err == nil {
			f.expect(next)
			h.plan(f)
			h.check(f, ids)
		}
	})
}

// check looks for the hashes of nodes whose leases have ended: nobody may be
// left to reap them.
func (h *hub) check(f *feed, ids []string) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return !f.replica.Shows(id) })
	if len(ids) == 0 {
		return
	}
	mark := f.replica.Mark()
	var gone []string
	var err error
	h.task(func(ctx context.Context) {
		gone, err = h.c.vanished(ctx, f.keys, ids)
	}, func(now time.Time) {
		if err == nil {
			f.replica.Missing(gone, mark, f.contact.at(now))
			h.after(f, false)
		}
	})
}
