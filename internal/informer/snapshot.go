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

// readSnapshot reads a service: its version, its nodes in pages, and its version again.
// The answer is that of the last call.
func readSnapshot(ctx context.Context, c *redisconn.Conn, s keys.Service) (snap replica.Snapshot, answer replica.Answer, err error) {
	var version *redis.StringCmd
	var log *redis.StringSliceCmd
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		version = redisconn.AskVersion(ctx, p, s)
		log = p.LRange(ctx, s.Log(), 0, -1)
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		return snap, answer, err
	}
	if snap.Before, err = redisconn.Version(version); err != nil {
		return snap, answer, err
	}
	snap.Log = parseLog(log.Val())
	if snap.Members, snap.Overrides, err = readMembers(ctx, c, s); err != nil {
		return snap, answer, err
	}
	var clock *redis.TimeCmd
	answer.Sent = time.Now()
	cmds, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		version = redisconn.AskVersion(ctx, p, s)
		clock = p.Time(ctx)
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		return snap, answer, err
	}
	answer.Received = time.Now()
	answer.Now, answer.Master = clock.Val(), c.Master(ctx, s)
	snap.Now = answer.Now
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

// readMembers reads the nodes that the index lists, and the overrides of nodes that it
// does not list, by ID.
func readMembers(ctx context.Context, c *redisconn.Conn, s keys.Service) ([]replica.Member, map[string]string, error) {
	nodes, overrides, err := c.Candidates(ctx, []keys.Service{s})
	if err != nil {
		return nil, nil, err
	}
	if len(nodes) == 0 { // then Candidates has read no overrides
		if overrides, err = c.Overrides(ctx, []keys.Service{s}); err != nil {
			return nil, nil, err
		}
	}
	others := make(map[string]string, len(overrides[s]))
	for member, override := range overrides[s] {
		if id, err := keys.Unescape(member); err == nil {
			others[id] = override
		}
	}
	members := make([]replica.Member, 0, len(nodes))
	for len(nodes) > 0 {
		page := nodes[:min(redisconn.PageSize, len(nodes))]
		nodes = nodes[len(page):]
		replies, err := redisconn.Pipelined(ctx, c, page, func(p redis.Pipeliner, n redisconn.Entry) *redis.SliceCmd {
			return p.HMGet(ctx, n.Service.Node(n.ID), "data", "lease")
		})
		if err != nil {
			return nil, nil, err
		}
		for j, reply := range replies {
			m := replica.Member{ID: page[j].ID, Override: others[page[j].ID]}
			delete(others, m.ID)
			if v := reply.Val(); len(v) == 2 {
				m.Data = redisconn.Text(v[0])
				holder, _ := record.ParseHolder(redisconn.Text(v[1])) // rev 0, the oldest, where it cannot be read
				m.Lease, m.Rev = holder.Lease, holder.Rev
			}
			members = append(members, m)
		}
	}
	return members, others, nil
}
