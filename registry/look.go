package registry

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
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// point reads the version of a service from HMGET epoch rev tag.
func point(reply []any, err error) (replica.Point, error) {
	if err != nil {
		return replica.Point{}, err
	}
	var p replica.Point
	if len(reply) != 3 {
		return p, errors.New("version: want three fields")
	}
	epoch, ok1 := reply[0].(string)
	rev, ok2 := reply[1].(string)
	tag, ok3 := reply[2].(string)
	if !ok1 || !ok2 || !ok3 {
		return p, nil // there is none, or half of one: the next change makes a new one
	}
	n, err := strconv.ParseUint(rev, 10, 64)
	return replica.Point{Epoch: epoch, Rev: n, Tag: tag}, err
}

func askVersion(ctx context.Context, p redis.Pipeliner, k keys.Service) *redis.SliceCmd {
	return p.HMGet(ctx, k.Version(), "epoch", "rev", "tag")
}

// A reading is a snapshot, with what its last trip tells of contact.
type reading struct {
	replica.Snapshot
	answer replica.Answer
}

// snapshot reads a service in pages, between two looks at its version.
func (c *conn) snapshot(ctx context.Context, s keys.Service) (reading, error) {
	var snap reading
	k := s
	var version *redis.SliceCmd
	var log *redis.StringSliceCmd
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		version = askVersion(ctx, p, k)
		log = p.LRange(ctx, k.Log(), 0, -1)
		return nil
	})
	if err != nil {
		return snap, redisconn.Refusal(cmds, err)
	}
	if snap.Before, err = point(version.Result()); err != nil {
		return snap, err
	}
	for _, line := range log.Val() {
		e, err := record.ParseLogEntry(line)
		if err != nil {
			break // nothing older can be trusted to be ours
		}
		snap.Log = append(snap.Log, e)
	}
	if snap.Members, snap.Overrides, err = c.members(ctx, s); err != nil {
		return snap, err
	}
	var clock *redis.TimeCmd
	sent := time.Now()
	if cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		version = askVersion(ctx, p, k)
		clock = p.Time(ctx)
		return nil
	}); err != nil {
		return snap, redisconn.Refusal(cmds, err)
	}
	received := time.Now()
	if snap.Now, err = clock.Result(); err != nil {
		return snap, err
	}
	snap.answer = replica.Answer{Sent: sent, Received: received, Now: snap.Now, Master: c.Master(ctx, k)}
	snap.After, err = point(version.Result())
	return snap, err
}

// members reads what the index lists, and the overrides of nodes that it does
// not: they wait for them.
func (c *conn) members(ctx context.Context, s keys.Service) ([]replica.Member, map[string]string, error) {
	nodes, overrides, err := c.Candidates(ctx, []keys.Service{s})
	if err != nil {
		return nil, nil, err
	}
	if len(nodes) == 0 { // candidates looked no further
		if overrides, err = c.Overrides(ctx, []keys.Service{s}); err != nil {
			return nil, nil, err
		}
	}
	waiting := make(map[string]string, len(overrides[s]))
	for member, override := range overrides[s] {
		if id, err := keys.Unescape(member); err == nil {
			waiting[id] = override
		}
	}
	members := make([]replica.Member, 0, len(nodes))
	for len(nodes) > 0 {
		page := nodes[:min(redisconn.PageSize, len(nodes))]
		nodes = nodes[len(page):]
		replies, err := redisconn.Pipelined(ctx, c.Conn, page, func(p redis.Pipeliner, n redisconn.Entry) *redis.SliceCmd {
			return p.HMGet(ctx, n.Service.Node(n.ID), "data", "lease", "rev")
		})
		if err != nil {
			return nil, nil, err
		}
		for i, reply := range replies {
			m := replica.Member{ID: page[i].ID, Override: waiting[page[i].ID]}
			delete(waiting, m.ID)
			if v := reply.Val(); len(v) == 3 {
				m.Data, m.Lease = redisconn.Text(v[0]), redisconn.Text(v[1])
				m.Rev, _ = strconv.ParseUint(redisconn.Text(v[2]), 10, 64) // 0, the oldest, where it cannot be read
			}
			members = append(members, m)
		}
	}
	return members, waiting, nil
}

// A look is what a poll found of one service.
type look struct {
	replica.Poll
	lowest []scoredMember // the earliest lease ends
	err    error
}

// lowest is how many of the earliest lease ends a poll reads.
const lowest = 32

// look polls services, one MULTI each, all in one pipeline for each master. It
// reports those of each master as soon as that has answered.
func (c *conn) look(ctx context.Context, services []keys.Service, report func(which []int, looks []look)) {
	masters := map[*redis.Client][]int{}
	for i, k := range services {
		client, err := c.MasterClient(ctx, k)
		if err != nil {
			report([]int{i}, []look{{err: err}})
			continue
		}
		masters[client] = append(masters[client], i)
	}
	var all sync.WaitGroup
	for client, which := range masters {
		all.Go(func() {
			looks := c.lookAt(ctx, client, services, which)
			for j := range looks { // a server that does not suit the options says what it lacks, not why
				if err := looks[j].err; err != nil && redisconn.Hopeless(redisconn.Classify(err)) {
					looks[j].err = cmp.Or(c.Meet(ctx), err)
				}
			}
			report(which, looks)
		})
	}
	all.Wait()
}

// lookAt sends the MULTIs of one master. They are written out as plain commands,
// because a client's own transaction is a trip of its own.
func (c *conn) lookAt(ctx context.Context, client *redis.Client, services []keys.Service, which []int) []look {
	p := client.Pipeline()
	answers := make([]*redis.Cmd, len(which))
	for j, i := range which {
		k := services[i]
		p.Do(ctx, "multi")
		p.Do(ctx, "hmget", k.Version(), "epoch", "rev", "tag")
		p.Do(ctx, "zcard", k.Index())
		p.Do(ctx, "zrange", k.Index(), 0, lowest-1, "withscores")
		p.Do(ctx, "time")
		answers[j] = p.Do(ctx, "exec")
	}
	sent := time.Now()
	cmds, failed := p.Exec(ctx)
	received := time.Now()
	looks := make([]look, len(which))
	for j, i := range which {
		answer, err := answers[j].Slice()
		if answers[j].Err() == nil && answers[j].Val() == nil { // Redis refused the connection itself
			err = failed
		}
		if err != nil {
			one := len(cmds) / len(which)
			err = redisconn.Refusal(cmds[j*one:(j+1)*one], err)
		}
		looks[j] = parseLook(answer, err)
		looks[j].Answer.Sent, looks[j].Answer.Received = sent, received
		looks[j].Answer.Master = c.Master(ctx, services[i])
		looks[j].End = looks[j].end
	}
	return looks
}

// parseLook reads the answer to a look's EXEC.
func parseLook(answer []any, err error) (l look) {
	if err != nil {
		return look{err: err}
	}
	bad := look{err: errors.New("poll: an answer of an unexpected shape")}
	if len(answer) != 4 {
		return bad
	}
	for _, a := range answer {
		if err, refused := a.(error); refused {
			return look{err: err}
		}
	}
	version, ok1 := answer[0].([]any)
	members, ok2 := answer[1].(int64)
	ends, ok3 := answer[2].([]any)
	clock, ok4 := answer[3].([]any)
	if !ok1 || !ok2 || !ok3 || !ok4 || len(clock) != 2 {
		return bad
	}
	if l.Point, err = point(version, nil); err != nil {
		return look{err: err}
	}
	s, err1 := strconv.ParseInt(redisconn.Text(clock[0]), 10, 64)
	us, err2 := strconv.ParseInt(redisconn.Text(clock[1]), 10, 64)
	if err := errdefs.Join(err1, err2); err != nil {
		return look{err: err}
	}
	l.Members, l.Answer.Now = int(members), time.Unix(s, us*1000)
	l.lowest = scored(ends)
	l.Crowded = len(l.lowest) < l.Members
	for _, m := range l.lowest {
		if m.end.UnixMilli() >= l.Answer.Now.UnixMilli() { // through that millisecond Redis keeps the hash
			l.Next, l.Crowded = m.end, false
			break
		}
		if id, err := keys.Unescape(m.member); err == nil {
			l.Overdue = append(l.Overdue, id)
		}
	}
	return l
}

// end returns when a lease ends at the earliest, by the index: those that were not
// read come after those that were. It is zero for a node that the index lacks.
func (l look) end(id string) time.Time {
	member := keys.EscapeID(id)
	for _, m := range l.lowest {
		if m.member == member {
			return m.end
		}
	}
	if n := len(l.lowest); 0 < n && n < l.Members {
		return l.lowest[n-1].end
	}
	return time.Time{}
}

type scoredMember struct {
	member string
	end    time.Time
}

// scored reads members with scores, which come in pairs or in a flat list by the
// protocol in use.
func scored(reply []any) []scoredMember {
	var flat []any
	for _, v := range reply {
		if pair, ok := v.([]any); ok {
			flat = append(flat, pair...)
		} else {
			flat = append(flat, v)
		}
	}
	members := make([]scoredMember, 0, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		if ms, err := strconv.ParseFloat(redisconn.Text(flat[i+1]), 64); err == nil {
			members = append(members, scoredMember{redisconn.Text(flat[i]), time.UnixMilli(int64(ms))})
		}
	}
	return members
}

// ended returns the nodes whose leases have ended by a time of Redis's, however
// many, and the lease end that comes next.
func (c *conn) ended(ctx context.Context, k keys.Service, at time.Time) (ids []string, next time.Time, err error) {
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	by := redis.ZRangeArgs{Key: k.Index(), Start: "-inf", Stop: ms, ByScore: true, Count: redisconn.PageSize}
	for page := []string{""}; len(page) > 0; by.Offset += redisconn.PageSize {
		if page, err = redisconn.Reply(ctx, c.Conn, c.ZRangeArgs(ctx, by)); err != nil {
			return nil, next, err
		}
		for _, member := range page {
			if id, err := keys.Unescape(member); err == nil {
				ids = append(ids, id)
			}
		}
	}
	by.Start, by.Stop, by.Offset, by.Count = "("+ms, "+inf", 0, 1
	first, err := redisconn.Reply(ctx, c.Conn, c.ZRangeArgsWithScores(ctx, by))
	if len(first) > 0 {
		next = time.UnixMilli(int64(first[0].Score))
	}
	return ids, next, err
}

// vanished returns those of the ids whose leases have ended by the index and that have
// no hash, and which master says so. One answer tells both: a flush in between would
// take the hashes of nodes that live. A tombstone, which has no TTL field, is no hash of
// a node.
func (c *conn) vanished(ctx context.Context, k keys.Service, ids []string) (gone []string, master string, err error) {
	for page := range slices.Chunk(ids, redisconn.PageSize) {
		args := []any{"zmscore", k.Index()}
		for _, id := range page {
			args = append(args, keys.EscapeID(id))
		}
		var listed *redis.Cmd // ZMSCORE, without go-redis's reading: it takes a missing member for one at 0
		var clock *redis.TimeCmd
		hashes := make([]*redis.SliceCmd, len(page))
		cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range page {
				hashes[i] = p.HMGet(ctx, k.Node(id), "ttl")
			}
			listed = p.Do(ctx, args...)
			clock = p.Time(ctx)
			return nil
		})
		if err != nil {
			return nil, "", redisconn.Refusal(cmds, err)
		}
		ends, err := listed.Slice()
		if err != nil {
			return nil, "", err
		}
		for i, id := range page {
			ms, err := strconv.ParseFloat(redisconn.Text(ends[i]), 64)
			ended := err == nil && int64(ms) <= clock.Val().UnixMilli()
			if hash := hashes[i].Val(); ended && len(hash) == 1 && hash[0] == nil {
				gone = append(gone, id)
			}
		}
	}
	return gone, c.Master(ctx, k), nil
}
