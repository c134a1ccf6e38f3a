package informer

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A pollResult is what a poll has found of one service.
type pollResult struct {
	replica.Poll
	earliest []leaseEnd // the earliest lease ends
	err      error
}

// A leaseEnd is a member of the index, and when its lease ends by Redis's clock.
type leaseEnd struct {
	member string
	end    time.Time
}

// maxLeaseEnds is how many lease ends a poll reads.
const maxLeaseEnds = 32

// pollServices polls services: one MULTI each, all in one pipeline for each master. It
// reports the results of each master as soon as that one has answered.
func pollServices(ctx context.Context, c *redisconn.Conn, services []keys.Service, report func(which []int, results []pollResult)) {
	masters := map[*redis.Client][]int{}
	for i, s := range services {
		client, err := c.MasterClient(ctx, s)
		if err != nil {
			report([]int{i}, []pollResult{{err: err}})
			continue
		}
		masters[client] = append(masters[client], i)
	}
	var all sync.WaitGroup
	for client, which := range masters {
		all.Go(func() {
			results := pollMaster(ctx, c, client, services, which)
			for j := range results { // the server's own error says which command it lacks, and not why
				if err := results[j].err; err != nil && redisconn.Hopeless(redisconn.Classify(err)) {
					results[j].err = cmp.Or(c.Meet(ctx), err)
				}
			}
			report(which, results)
		})
	}
	all.Wait()
}

// pollMaster sends the MULTIs of one master. They are written as plain commands, because
// the client's own transactions take one round trip each.
func pollMaster(ctx context.Context, c *redisconn.Conn, client *redis.Client, services []keys.Service, which []int) []pollResult {
	p := client.Pipeline()
	answers := make([]*redis.Cmd, len(which))
	for j, i := range which {
		s := services[i]
		p.Do(ctx, "multi")
		p.Do(ctx, "get", s.Version())
		p.Do(ctx, "zcard", s.Index())
		p.Do(ctx, "zrange", s.Index(), 0, maxLeaseEnds-1, "withscores")
		p.Do(ctx, "time")
		answers[j] = p.Do(ctx, "exec")
	}
	sent := time.Now()
	cmds, failed := p.Exec(ctx)
	received := time.Now()
	results := make([]pollResult, len(which))
	for j, i := range which {
		answer, err := answers[j].Slice()
		if answers[j].Err() == nil && answers[j].Val() == nil { // Redis refused the connection itself
			err = failed
		}
		if err != nil {
			one := len(cmds) / len(which)
			err = redisconn.Refusal(cmds[j*one:(j+1)*one], err)
		}
		r := &results[j]
		*r = parsePoll(answer, err)
		r.Answer.Sent, r.Answer.Received = sent, received
		r.Answer.Master = c.Master(ctx, services[i])
		r.End = r.end
	}
	return results
}

// parsePoll reads the answer to a poll's EXEC.
func parsePoll(answer []any, err error) (r pollResult) {
	if err != nil {
		return pollResult{err: err}
	}
	bad := pollResult{err: errors.New("poll: an answer of an unexpected shape")}
	if len(answer) != 4 {
		return bad
	}
	for _, a := range answer {
		if err, refused := a.(error); refused {
			return pollResult{err: err}
		}
	}
	version, ok1 := answer[0].(string)
	members, ok2 := answer[1].(int64)
	ends, ok3 := answer[2].([]any)
	clock, ok4 := answer[3].([]any)
	if !ok1 && answer[0] != nil || !ok2 || !ok3 || !ok4 || len(clock) != 2 {
		return bad
	}
	if r.Point, err = redisconn.ParseVersion(version); err != nil {
		return pollResult{err: err}
	}
	s, err1 := strconv.ParseInt(redisconn.Text(clock[0]), 10, 64)
	us, err2 := strconv.ParseInt(redisconn.Text(clock[1]), 10, 64)
	if err := errdefs.Join(err1, err2); err != nil {
		return pollResult{err: err}
	}
	r.Members, r.Answer.Now = int(members), time.Unix(s, us*1000)
	r.earliest = parseLeaseEnds(ends)
	r.Crowded = len(r.earliest) < r.Members
	for _, m := range r.earliest {
		if m.end.UnixMilli() >= r.Answer.Now.UnixMilli() { // Redis keeps the hash through that millisecond
			r.Next, r.Crowded = m.end, false
			break
		}
		if id, err := keys.Unescape(m.member); err == nil {
			r.Overdue = append(r.Overdue, id)
		}
	}
	return r
}

// end returns the earliest time when the lease of a node can end, by the index: those
// that the poll has not read end after those that it has. It is zero for a node that the
// index does not list.
func (r pollResult) end(id string) time.Time {
	member := keys.EscapeID(id)
	for _, m := range r.earliest {
		if m.member == member {
			return m.end
		}
	}
	if n := len(r.earliest); 0 < n && n < r.Members {
		return r.earliest[n-1].end
	}
	return time.Time{}
}

// parseLeaseEnds reads members with scores. RESP3 sends pairs, RESP2 a flat list.
func parseLeaseEnds(reply []any) []leaseEnd {
	var flat []any
	for _, v := range reply {
		if pair, ok := v.([]any); ok {
			flat = append(flat, pair...)
		} else {
			flat = append(flat, v)
		}
	}
	ends := make([]leaseEnd, 0, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		if ms, err := strconv.ParseFloat(redisconn.Text(flat[i+1]), 64); err == nil {
			ends = append(ends, leaseEnd{redisconn.Text(flat[i]), time.UnixMilli(int64(ms))})
		}
	}
	return ends
}
