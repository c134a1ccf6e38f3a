package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	mostServices = 1000            // that are looked at
	mostNodes    = 2000            // of each
	reapedBy     = 5 * time.Second // after the end of a lease some process has removed the node, if one serves the service
	page         = 500             // commands in a pipeline
	missed       = 3               // below a third of its lease, a node has missed two renewals
)

// data looks at the nodes and the overrides of the services.
func (p *patient) data(ctx context.Context) []Finding {
	services, err := p.services(ctx)
	if err != nil {
		return []Finding{p.unread("renewals", err), p.unread("overrides", err)}
	}
	var late, left, orphans []string
	for _, s := range services {
		n, err := p.nodesOf(ctx, s)
		if err != nil {
			return []Finding{p.unread("renewals", err), p.unread("overrides", err)}
		}
		if n.late > 0 {
			late = append(late, fmt.Sprintf("%s (%d of %d nodes)", s, n.late, n.all))
		}
		if n.left > 0 {
			left = append(left, fmt.Sprintf("%s (%d of %d nodes, the last one %v ago)", s, n.left, n.all, n.last.Round(time.Second)))
		}
		for _, id := range n.orphans {
			orphans = append(orphans, s.String()+" "+id)
		}
	}
	renewals := fine("the nodes of %d services are renewed", len(services))
	switch {
	case len(late) > 0:
		renewals = bad(Warn, "look at the logs of these processes: a check that fails, a right that is missing, or a process that hangs; manual nodes are renewed by hand",
			"nodes have missed two renewals: %s", count(late, "services"))
	case len(left) > 0:
		renewals = bad(Warn, "start a process of the service, which removes them; readers leave such nodes out",
			"leases have ended, and no process of the service is there to remove the nodes: %s", count(left, "services"))
	}
	overrides := fine("each override has its node")
	if len(orphans) > 0 {
		overrides = bad(Warn, "undo them, if the nodes will not be back: rollcall undrain SERVICE NODE", "overrides of nodes that are not there: %s", count(orphans, "overrides"))
	}
	renewals.Check, overrides.Check = "renewals", "overrides"
	return []Finding{renewals, overrides}
}

func (p *patient) unread(check string, err error) Finding {
	f := bad(Unknown, "run doctor as a user with the rights of a resolver: rollcall acl resolver", "the services cannot be read: %v", err)
	if !errors.Is(err, registry.ErrPermission) && !refused(err) {
		f.Remedy = "see the error"
	}
	f.Check = check
	return f
}

// services returns those that are looked at.
func (p *patient) services(ctx context.Context) (found []keys.Service, err error) {
	if p.Service != "" {
		return []keys.Service{p.space.Service(ownNamespace(p.namespace), p.Service)}, nil
	}
	listed, err := p.r.ListServices(ctx, registry.ListNamespace(p.namespace))
	for _, s := range listed {
		if k := p.space.Service(s.Namespace, s.Name); !slices.Contains(found, k) && len(found) < mostServices {
			found = append(found, k)
		}
	}
	return found, err
}

// nodes is the state of the nodes of a service.
type nodes struct {
	all     int
	late    int           // live ones that have missed two renewals
	left    int           // listed, though their leases ended
	last    time.Duration // since the last of these did
	orphans []string      // what has an override that stays, and is not listed
}

// nodesOf reads the leases of a service.
func (p *patient) nodesOf(ctx context.Context, s keys.Service) (n nodes, err error) {
	var listed *redis.ZSliceCmd
	var set *redis.ScanCmd
	var clock *redis.TimeCmd
	_, err = p.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		listed = tx.ZRangeWithScores(ctx, s.Index(), 0, mostNodes-1) // the earliest lease ends
		set = tx.HScan(ctx, s.Override(), 0, "", mostNodes)
		clock = tx.Time(ctx) // of the same master
		return nil
	})
	if err != nil {
		return n, err
	}
	now := clock.Val()
	ends := map[string]time.Time{}
	var alive []string
	for _, z := range listed.Val() {
		member, _ := z.Member.(string)
		end := time.UnixMilli(int64(z.Score))
		ends[member] = end
		if late := now.Sub(end); late > reapedBy {
			n.left, n.last = n.left+1, late // in the order of their ends
		} else if late < 0 {
			alive = append(alive, member)
		}
	}
	n.all = len(ends)
	fields, _ := set.Val()
	for i := 0; i+1 < len(fields); i += 2 {
		_, there := ends[fields[i]]
		stays := record.InForce(fields[i+1], "", now) != "" // the others end by themselves
		if stays && !there && n.all < mostNodes && fields[i] != keys.OverrideField(keys.AllNodes) {
			n.orphans = append(n.orphans, fields[i])
		}
	}
	for some := range slices.Chunk(alive, page) {
		holders := make([]*redis.SliceCmd, len(some))
		_, err = p.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, member := range some {
				holders[i] = pipe.HMGet(ctx, nodeKey(s, member), "lease") // which a resolver may
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		for i, member := range some {
			lease, _ := holders[i].Val()[0].(string)
			if h, err := record.ParseHolder(lease); err == nil && h.TTL > 0 && ends[member].Sub(now) < h.TTL/missed {
				n.late++
			}
		}
	}
	return n, nil
}

// nodeKey is the key of a node by its member of the index, which is encoded already.
func nodeKey(s keys.Service, member string) string {
	return strings.TrimSuffix(s.Node("x"), "x") + member
}
