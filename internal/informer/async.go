package informer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// maxSnapshots is how many snapshots run at once: Redis has other clients to serve.
const maxSnapshots = 8

// async runs request, which waits for Redis, in a goroutine of its own with the
// connection's time-out, and then answered in the loop's goroutine.
func (i *Informer) async(request func(ctx context.Context), answered func(now time.Time)) {
	i.tasks.Go(func() {
		ctx, cancel := i.c.Bound(i.ctx)
		request(ctx)
		cancel()
		i.do(func() { answered(time.Now()) })
	})
}

// failed makes an error of Redis one that a feed can report. A cluster client looks for
// the master that has taken over.
func (i *Informer) failed(err error) error {
	i.c.Reload(i.ctx)
	return redisconn.Classify(err)
}

func (i *Informer) snapshot(f *Feed) {
	var snap replica.Snapshot
	var answer replica.Answer
	var err error
	began, r := time.Now(), Reading{Why: f.state.Why()}
	decode := !f.Health().Proven // later, nearly all records are those that are known
	i.async(func(context.Context) {
		select {
		case i.snapshotSlots <- struct{}{}:
			defer func() { <-i.snapshotSlots }()
			ctx, cancel := i.c.Bound(i.ctx) // the time-out begins here, after the wait for a slot
			defer cancel()
			snap, answer, err = readSnapshot(ctx, i.c, f.service, decode)
		case <-i.ctx.Done():
			err = i.ctx.Err()
		}
	}, func(now time.Time) {
		v := replica.Settled
		if r.Took = now.Sub(began); err != nil {
			r.Err = i.failed(err)
			f.state.ReadFailed(r.Err, now)
		} else {
			r.Nodes = len(snap.Members)
			v = f.state.Read(snap, answer, now)
		}
		i.o.Sink.Read(f.service, r)
		i.publish(f, v)
	})
}

func (i *Informer) probe(f *Feed, q replica.Question) {
	var p replica.Point
	var err error
	i.async(func(ctx context.Context) {
		p, err = redisconn.Version(redisconn.AskVersion(ctx, i.c, f.service))
	}, func(now time.Time) {
		if err != nil {
			err = i.failed(err)
		}
		v := f.state.Probed(q, p, err, now)
		i.o.Sink.Doubted(f.service, err == nil && v == replica.Settled, err)
		i.publish(f, v)
	})
}

// pollsTogether is how many services are polled in one pipeline, and without a cluster in
// one MULTI, which holds Redis for about 0.2 ms then.
const pollsTogether = 100

// A duePoll is a feed to poll, and what was known of the service at that time.
type duePoll struct {
	feed     *Feed
	question replica.Question
	late     time.Duration
}

func (i *Informer) poll(polls []duePoll) {
	for chunk := range slices.Chunk(polls, pollsTogether) {
		requests := make([]pollRequest, len(chunk))
		report := Polling{Services: len(chunk)}
		for j, p := range chunk {
			requests[j] = pollRequest{p.feed.service, p.question.Ends}
			report.Late = max(report.Late, p.late)
		}
		began := time.Now()
		i.async(func(ctx context.Context) {
			pollServices(ctx, i.c, requests, func(which []int, results []pollResult) {
				i.do(func() {
					for j, k := range which {
						i.polled(chunk[k].feed, chunk[k].question, results[j])
						report.Err = cmp.Or(report.Err, results[j].err)
					}
				})
			})
		}, func(now time.Time) {
			report.Took = now.Sub(began)
			i.o.Sink.Polled(report)
		})
	}
}

// polled takes the result of a poll.
func (i *Informer) polled(f *Feed, q replica.Question, p pollResult) {
	if i.feed(f.service) == f {
		i.c.Attempted(f.subject(), p.err)
	}
	if p.err != nil {
		f.state.PollFailed(i.failed(p.err), time.Now())
		i.publish(f, replica.Settled)
		return
	}
	check, v := f.state.Polled(q, p.Poll, time.Now())
	switch {
	case check && p.Crowded:
		i.readExpired(f, p.Answer.Now)
	case check:
		i.checkHashes(f, f.state.Overdue(p.Overdue, time.Time{}))
	}
	i.publish(f, v)
}

// readExpired reads which leases have ended, where there are more than a poll reads.
func (i *Informer) readExpired(f *Feed, at time.Time) {
	var ids []string
	var next time.Time
	var err error
	i.async(func(ctx context.Context) {
		ids, next, err = readExpiredLeases(ctx, i.c, f.service, at)
	}, func(now time.Time) {
		if err != nil {
			i.checkFailed(f, err, now)
			return
		}
		ids = f.state.Overdue(ids, next)
		i.publish(f, replica.Settled)
		i.checkHashes(f, ids)
	})
}

// checkHashes looks whether nodes whose leases have ended still have their hashes. If
// not they are gone, even where no registrar is left that would remove them.
func (i *Informer) checkHashes(f *Feed, ids []string) {
	if len(ids) == 0 {
		return
	}
	q := f.state.Question()
	var missing []string
	var master string
	var err error
	i.async(func(ctx context.Context) {
		missing, master, err = readMissingHashes(ctx, i.c, f.service, ids)
	}, func(now time.Time) {
		if err != nil {
			i.checkFailed(f, err, now)
			return
		}
		f.state.Missing(q, missing, master, now)
		i.publish(f, replica.Settled)
	})
}

// checkFailed notes that the nodes whose leases have ended could not be checked.
func (i *Informer) checkFailed(f *Feed, err error, now time.Time) {
	f.state.CheckFailed(i.failed(err), now)
	i.publish(f, replica.Settled)
}
