package leases

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Look asks the service's own master for TIME and for the leases that hold nodes. A node that
// no lease holds has the zero Lease.
func Look(ctx context.Context, c redis.UniversalClient, s keys.Service, ids []string) (held []record.Lease, now time.Time, err error) {
	var clock *redis.TimeCmd
	fields := make([]*redis.StringCmd, len(ids))
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			fields[i] = p.HGet(ctx, s.Node(id), "lease")
		}
		clock = p.Time(ctx)
		return nil
	})
	err = redisconn.Refusal(cmds, err)
	if errors.Is(err, redis.Nil) { // a node that no lease holds
		err = clock.Err()
	}
	held = make([]record.Lease, len(ids))
	for i, f := range fields {
		field, ferr := f.Result()
		if ferr != nil && !errors.Is(ferr, redis.Nil) {
			err = cmp.Or(err, ferr)
		}
		if holder, perr := record.ParseHolder(field); perr == nil {
			held[i].Start = holder.Start
		}
	}
	return held, clock.Val(), err
}

// HeldBy returns who holds nodes, and since when, by id and as the end of an error:
// " (held by ..., since ...)". There is nothing for a node that no lease holds any more, or
// where Redis does not say.
func HeldBy(ctx context.Context, c redis.UniversalClient, s keys.Service, ids []string) map[string]string {
	if len(ids) == 0 {
		return nil
	}
	type fields struct{ lease, data *redis.StringCmd }
	asked := map[string]fields{}
	p := c.Pipeline()
	for _, id := range ids {
		key := s.Node(id)
		asked[id] = fields{p.HGet(ctx, key, "lease"), p.HGet(ctx, key, "data")}
	}
	_, _ = p.Exec(ctx) // each command has its own error
	held := map[string]string{}
	for id, found := range asked {
		if who := record.HeldBy(found.lease.Val(), found.data.Val()); who != "" {
			held[id] = " (" + who + ")"
		}
	}
	return held
}
