package leases

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Overdue are the leases that have ended by the index, of the entries that were read.
type Overdue struct {
	Lapses  []Lapse
	Foreign []any     // entries that can be no nodes
	Next    time.Time // Redis's: the first lease end but for those of Foreign; zero where there is none
	Now     time.Time // Redis's TIME of the answer
}

// A Lapse is a lease that has ended by the index.
type Lapse struct {
	ID  string
	End time.Time // Redis's
}

// ReadOverdue reads the first entries of the index of a service, so many at most.
func ReadOverdue(ctx context.Context, c redis.UniversalClient, s keys.Service, limit int64) (Overdue, error) {
	var first *redis.ZSliceCmd
	var clock *redis.TimeCmd
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		first = p.ZRangeWithScores(ctx, s.Index(), 0, limit-1)
		clock = p.Time(ctx)
		return nil
	})
	if err != nil {
		return Overdue{}, redisconn.Refusal(cmds, err)
	}
	return Sort(first.Val(), clock.Val()), nil
}

// Sort makes an Overdue of the first entries of an index, by Redis's TIME of the answer.
func Sort(first []redis.Z, now time.Time) Overdue {
	o := Overdue{Now: now}
	for _, z := range first {
		end := time.UnixMilli(int64(z.Score))
		member, _ := z.Member.(string)
		id, err := keys.Unescape(member)
		switch {
		case end.After(o.Now):
		case err != nil || id == "" || keys.EscapeID(id) != member:
			o.Foreign = append(o.Foreign, z.Member)
			continue // will be gone
		default:
			o.Lapses = append(o.Lapses, Lapse{id, end})
		}
		if o.Next.IsZero() {
			o.Next = end
		}
	}
	return o
}
