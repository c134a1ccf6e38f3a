package informer

import (
	"cmp"
	"context"
	"errors"
	"slices"
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

// A pollRequest is a service to poll, and how many of its earliest lease ends to read.
type pollRequest struct {
	service keys.Service
	ends    int
}

// pollServices polls services, those of each master in one pipeline. It reports the results
// of each master as soon as that one has answered.
func pollServices(ctx context.Context, c *redisconn.Conn, requests []pollRequest, report func(which []int, results []pollResult)) {
	masters := map[*redis.Client][]int{}
	for i, r := range requests {
		client, err := c.MasterClient(ctx, r.service)
		if err != nil {
			report([]int{i}, []pollResult{{err: err}})
			continue
		}
		masters[client] = append(masters[client], i)
	}
	var all sync.WaitGroup
	for client, which := range masters {
		all.Go(func() {
			mine := make([]pollRequest, len(which))
			for j, i := range which {
				mine[j] = requests[i]
			}
			results := pollMaster(ctx, c, client, mine)
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

// pollMaster polls services of one master in one MULTI. In a cluster a MULTI cannot name
// two slots, so there each service has its own. So it has where the common one is refused:
// one command is enough for that, such as one that the user has no right to.
func pollMaster(ctx context.Context, c *redisconn.Conn, client *redis.Client, requests []pollRequest) []pollResult {
	if !c.Clustered() && len(requests) > 1 {
		results, err := pollTogether(ctx, c, client, requests, len(requests))
		if refused := redis.Error(nil); !errors.As(err, &refused) {
			return results
		}
	}
	results, _ := pollTogether(ctx, c, client, requests, 1)
	return results
}

// pollTogether polls services in one pipeline, so many in a MULTI. It returns the error of
// the first MULTI that failed, too. The commands are written as plain ones, because the
// client's own transactions take one round trip each.
func pollTogether(ctx context.Context, c *redisconn.Conn, client *redis.Client, requests []pollRequest, inOne int) (results []pollResult, refused error) {
	p := client.Pipeline()
	var execs []*redis.Cmd
	var ends []int // how many commands there are up to that EXEC
	for chunk := range slices.Chunk(requests, inOne) {
		p.Do(ctx, "multi")
		for _, r := range chunk {
			p.Do(ctx, "get", r.service.Version())
			p.Do(ctx, "zcard", r.service.Index())
			if r.ends > 0 {
				p.Do(ctx, "zrange", r.service.Index(), 0, r.ends-1, "withscores")
			}
		}
		p.Do(ctx, "time")
		execs = append(execs, p.Do(ctx, "exec"))
		ends = append(ends, p.Len())
	}
	sent := time.Now()
	cmds, failed := p.Exec(ctx)
	received := time.Now()
	first := 0
	for j, exec := range execs {
		answer, err := exec.Slice()
		if exec.Err() == nil && exec.Val() == nil { // Redis refused the connection itself
			err = failed
		}
		if err != nil {
			err = redisconn.Refusal(cmds[first:ends[j]], err)
			refused = cmp.Or(refused, err)
		}
		first = ends[j]
		asked := requests[j*inOne : min((j+1)*inOne, len(requests))]
		results = append(results, parsePolls(asked, answer, err)...)
	}
	for j := range results {
		r := &results[j]
		r.Answer.Sent, r.Answer.Received = sent, received
		r.Answer.Master = c.Master(ctx, requests[j].service)
		r.End = r.end
	}
	return results, refused
}

var errShape = errors.New("poll: an answer of an unexpected shape")

// parsePolls reads the answer to the EXEC of some polls.
func parsePolls(requests []pollRequest, answer []any, err error) []pollResult {
	results := make([]pollResult, len(requests))
	var now time.Time
	if n := len(answer); err == nil && n == 0 {
		err = errShape
	} else if err == nil {
		now, err = parseTime(answer[n-1])
		answer = answer[:n-1]
	}
	for j, r := range requests {
		read := 2
		if r.ends > 0 {
			read = 3
		}
		if err == nil && len(answer) < read {
			err = errShape
		}
		if err != nil {
			results[j].err = err
			continue
		}
		results[j] = parsePoll(answer[:read], now)
		answer = answer[read:]
	}
	return results
}

// parsePoll reads what a poll has read of one service: version, number of members, and the
// earliest lease ends, if it was to read some.
func parsePoll(answer []any, now time.Time) (r pollResult) {
	for _, a := range answer {
		if err, refused := a.(error); refused {
			return pollResult{err: err}
		}
	}
	version, ok1 := answer[0].(string)
	members, ok2 := answer[1].(int64)
	if !ok1 && answer[0] != nil || !ok2 {
		return pollResult{err: errShape}
	}
	var err error
	if r.Point, err = redisconn.ParseVersion(version); err != nil {
		return pollResult{err: err}
	}
	r.Members, r.Answer.Now = int(members), now
	if len(answer) == 2 {
		return r
	}
	ends, ok := answer[2].([]any)
	if !ok {
		return pollResult{err: errShape}
	}
	r.earliest = parseLeaseEnds(ends)
	r.Crowded = len(r.earliest) < r.Members
	for _, m := range r.earliest {
		if m.end.UnixMilli() >= now.UnixMilli() { // Redis keeps the hash through that millisecond
			r.Next, r.Crowded = m.end, false
			break
		}
		if id, err := keys.Unescape(m.member); err == nil {
			r.Overdue = append(r.Overdue, id)
		}
	}
	return r
}

// parseTime reads the reply to TIME.
func parseTime(reply any) (time.Time, error) {
	if err, refused := reply.(error); refused {
		return time.Time{}, err
	}
	clock, ok := reply.([]any)
	if !ok || len(clock) != 2 {
		return time.Time{}, errShape
	}
	s, err1 := strconv.ParseInt(redisconn.Text(clock[0]), 10, 64)
	us, err2 := strconv.ParseInt(redisconn.Text(clock[1]), 10, 64)
	return time.Unix(s, us*1000), errdefs.Join(err1, err2)
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
