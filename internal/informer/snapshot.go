package informer

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// newestChanges is how much of the log a snapshot reads. The log is kept longer for people.
const newestChanges = 128

// readSnapshot reads a service: its version, its nodes in pages, and its version again.
// The answer is that of the last call.
//
// The first call lists the nodes as well, and the last one reads the last page. In a
// cluster these are calls of their own. With decode it reads the records, too.
func readSnapshot(ctx context.Context, c *redisconn.Conn, s keys.Service, decode bool) (snap replica.Snapshot, answer replica.Answer, err error) {
	var version *redis.StringCmd
	var log *redis.StringSliceCmd
	var list redisconn.List
	ask := func(p redis.Pipeliner) error {
		list = redisconn.AskList(ctx, p, s)
		p.ZCard(ctx, s.Index()) // for polls: who lacks the right is refused now, and not later
		return nil
	}
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		version = redisconn.AskVersion(ctx, p, s)
		log = p.LRange(ctx, s.Log(), 0, newestChanges-1)
		if !c.Clustered() {
			return ask(p)
		}
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		return snap, answer, err
	}
	if c.Clustered() {
		if _, err = c.Pipelined(ctx, ask); err != nil {
			return snap, answer, err
		}
	}
	if snap.Before, err = redisconn.Version(version); err != nil {
		return snap, answer, err
	}
	snap.Log = parseLog(log.Val())
	nodes, overrides, err := c.Listed(ctx, list)
	if err != nil {
		return snap, answer, err
	}
	m := newMembers(len(nodes), overrides)
	m.decode = decode
	pages := len(nodes) // how many nodes are read before the last call
	if !c.Clustered() {
		pages = max(0, len(nodes)-1) / redisconn.PageSize * redisconn.PageSize
	}
	if err := c.ReadNodes(ctx, nodes[:pages], m.add); err != nil {
		return snap, answer, err
	}
	nodes = nodes[pages:]
	last := make([]*redis.StringSliceCmd, len(nodes))
	var clock *redis.TimeCmd
	answer.Sent = time.Now()
	cmds, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for j, n := range nodes {
			last[j] = redisconn.AskNode(ctx, p, n)
		}
		version = redisconn.AskVersion(ctx, p, s)
		clock = p.Time(ctx)
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		return snap, answer, err
	}
	answer.Received = time.Now()
	answer.Now, answer.Master = clock.Val(), c.Master(ctx, s)
	m.add(nodes, last)
	snap.Members, snap.Overrides, snap.Now = m.list, m.overrides, answer.Now
	snap.After, err = redisconn.Version(version)
	return snap, answer, err
}

// parseLog reads the log, newest first, up to the first entry that is not one of ours:
// what is older cannot be trusted.
func parseLog(lines []string) (log []record.LogEntry) {
	for _, line := range lines {
		e, err := record.ParseLogEntry(line)
		if err != nil {
			break
		}
		log = append(log, e)
	}
	return log
}

// members are the nodes that the index lists, as far as they have been read, and the
// overrides of the others, by ID.
type members struct {
	list      []replica.Member
	overrides map[string]string
	decode    bool
	records   record.Decoder
}

// newMembers returns none of a number of nodes; overrides are by member of the index.
func newMembers(nodes int, overrides map[string]string) *members {
	m := &members{list: make([]replica.Member, 0, nodes), overrides: make(map[string]string, len(overrides))}
	for member, override := range overrides {
		if id, err := keys.ParseOverrideField(member); err == nil {
			m.overrides[id] = override
		}
	}
	return m
}

// add adds what AskNode has read of a page of nodes.
func (m *members) add(page []redisconn.Entry, replies []*redis.StringSliceCmd) {
	for j, n := range page {
		one := replica.Member{ID: n.ID, Override: m.overrides[n.ID]}
		delete(m.overrides, n.ID)
		if v := replies[j].Val(); len(v) == 2 {
			one.Data = v[0]
			holder, _ := record.ParseHolder(v[1]) // rev 0, the oldest, where it cannot be read
			one.Lease, one.Rev = holder.Lease, holder.Rev
		}
		m.list = append(m.list, one)
	}
	if m.decode {
		replica.Read(m.list[len(m.list)-len(page):], &m.records)
	}
}
