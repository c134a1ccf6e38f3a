package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/plural"
)

const (
	ourDrift   = 2 * time.Second        // from which times in logs mislead
	theirDrift = 500 * time.Millisecond // from which a failover or a move of a slot shifts leases
)

// clocks compares the clocks of the masters with ours and with each other's.
func (p *patient) clocks() Finding {
	const name = "clock"
	var first, last *server
	for _, s := range p.servers {
		if !s.timed {
			f := untold("TIME")
			f.Check = name
			return f
		}
		if first == nil || s.ahead < first.ahead {
			first = s
		}
		if last == nil || s.ahead > last.ahead {
			last = s
		}
	}
	f := fine("%v from ours", last.ahead.Round(time.Millisecond))
	switch apart := last.ahead - first.ahead; {
	case apart > theirDrift+first.took+last.took:
		f = bad(Fail, "run NTP or chrony on all servers of Redis",
			"the clocks of %s and %s are %v apart: when a slot moves, leases end sooner or later by that", first.addr, last.addr, apart.Round(time.Millisecond))
	case max(last.ahead.Abs(), first.ahead.Abs()) > ourDrift+last.took:
		f = bad(Warn, "run NTP or chrony here and there",
			"Redis's clock is %v from ours: leases go by Redis's alone, but times in logs do not fit together", last.ahead.Round(time.Millisecond))
	}
	f.Check = name
	return f
}

const slots = 16384

// coverage checks that each slot of a cluster has a master, and each master a replica.
func (p *patient) coverage(ctx context.Context) []Finding {
	c, ok := p.client.(*redis.ClusterClient)
	if !ok {
		return nil
	}
	const name = "cluster"
	//lint:ignore SA1019 Redis 6.2 does not have CLUSTER SHARDS
	ranges, err := c.ClusterSlots(ctx).Result()
	if err != nil {
		f := untold("CLUSTER SLOTS")
		f.Check = name
		return []Finding{f}
	}
	covered, alone := 0, map[string]bool{}
	for _, r := range ranges {
		covered += r.End - r.Start + 1
		if len(r.Nodes) == 1 {
			alone[r.Nodes[0].Addr] = true
		}
	}
	f := fine("all %d slots have a master with a replica", slots)
	switch state := p.state(ctx); {
	case covered < slots:
		f = bad(Fail, "give the slots to a master: redis-cli --cluster fix; until then services in them cannot register",
			"%d of %d slots have no master", slots-covered, slots)
	case state == "fail":
		f = bad(Fail, "look at CLUSTER NODES for masters that failed, and start them or fail over", "the cluster says that its state is fail")
	case len(alone) > 0:
		f = bad(Warn, "give each master a replica", "%d masters have no replica: while one is down, its services cannot register or renew", len(alone))
	}
	f.Check = name
	return []Finding{f}
}

// state is what the cluster says of itself, "" where this user may not ask.
func (p *patient) state(ctx context.Context) string {
	text, err := p.client.ClusterInfo(ctx).Result()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(parseInfo(text)["cluster_state"])
}

// count is a number of things, with some of their names.
func count(names []string, thing string) string {
	const most = 3
	if len(names) <= most {
		return plural.Count(len(names), thing) + ": " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s: %s and %d more", plural.Count(len(names), thing), strings.Join(names[:most], ", "), len(names)-most)
}

// inTurn calls f for each master, one after the other.
func inTurn(ctx context.Context, c *redis.ClusterClient, f func(context.Context, *redis.Client) error) error {
	token := make(chan struct{}, 1)
	return c.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error {
		token <- struct{}{}
		defer func() { <-token }()
		return f(ctx, m)
	})
}
