package informer

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// readExpiredLeases returns the nodes whose leases have ended by a time of Redis's
// clock, however many, and the lease end that comes next; zero is none.
func readExpiredLeases(ctx context.Context, c *redisconn.Conn, s keys.Service, at time.Time) (ids []string, next time.Time, err error) {
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	by := redis.ZRangeArgs{Key: s.Index(), Start: "-inf", Stop: ms, ByScore: true, Count: redisconn.PageSize}
	for page := []string{""}; len(page) > 0; by.Offset += redisconn.PageSize {
		if page, err = redisconn.Reply(ctx, c, c.ZRangeArgs(ctx, by)); err != nil {
			return nil, next, err
		}
		for _, member := range page {
			if id, err := keys.Unescape(member); err == nil {
				ids = append(ids, id)
			}
		}
	}
	by.Start, by.Stop, by.Offset, by.Count = "("+ms, "+inf", 0, 1
	first, err := redisconn.Reply(ctx, c, c.ZRangeArgsWithScores(ctx, by))
	if len(first) > 0 {
		next = time.UnixMilli(int64(first[0].Score))
	}
	return ids, next, err
}

// readMissingHashes returns those of the nodes whose leases have ended by the index and
// that have no hash, and which master answered. One transaction reads both: between two,
// a flush could take the hashes of nodes that live. A tombstone is not the hash of a
// node.
func readMissingHashes(ctx context.Context, c *redisconn.Conn, s keys.Service, ids []string) (missing []string, master string, err error) {
	for page := range slices.Chunk(ids, redisconn.PageSize) {
		args := []any{"zmscore", s.Index()}
		for _, id := range page {
			args = append(args, keys.EscapeID(id))
		}
		var scores *redis.Cmd // not go-redis's ZMScore: it returns 0 for a member that is not listed
		var clock *redis.TimeCmd
		hashes := make([]*redis.SliceCmd, len(page))
		cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			for j, id := range page {
				hashes[j] = p.HMGet(ctx, s.Node(id), "lease")
			}
			scores = p.Do(ctx, args...)
			clock = p.Time(ctx)
			return nil
		})
		if err != nil {
			return nil, "", redisconn.Refusal(cmds, err)
		}
		ends, err := scores.Slice()
		if err != nil {
			return nil, "", err
		}
		for j, id := range page {
			ms, err := strconv.ParseFloat(redisconn.Text(ends[j]), 64)
			ended := err == nil && int64(ms) <= clock.Val().UnixMilli()
			if ended && !isNode(hashes[j].Val()) {
				missing = append(missing, id)
			}
		}
	}
	return missing, c.Master(ctx, s), nil
}

// isNode reports whether a reply to HMGET lease is that of a node's hash: also of one that
// another program wrote.
func isNode(reply []any) bool {
	if len(reply) == 0 || reply[0] == nil {
		return false
	}
	holder, _ := record.ParseHolder(redisconn.Text(reply[0]))
	return holder.Gone == ""
}
