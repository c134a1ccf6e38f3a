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
	found := map[keys.Service]nodes{}
	var late, left []string
	for _, s := range services {
		n, err := p.nodesOf(ctx, s)
		if err != nil {
			return []Finding{p.unread("renewals", err), p.unread("overrides", err)}
		}
		found[s] = n
		if n.late > 0 {
			late = append(late, fmt.Sprintf("%s (%d of %d nodes)", s, n.late, len(n.listed)))
		}
		if n.left > 0 {
			left = append(left, fmt.Sprintf("%s (%d of %d nodes, the last one %v ago)", s, n.left, len(n.listed), n.last.Round(time.Second)))
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
	renewals.Check = "renewals"
	return []Finding{renewals, p.overrides(ctx, found)}
}

// overrides looks for those that wait for a node without an end: the next process that takes
// the name of the node inherits them.
func (p *patient) overrides(ctx context.Context, found map[keys.Service]nodes) (f Finding) {
	defer func() { f.Check = "overrides" }()
	set, err := p.r.Operator("").In(p.namespace).Overrides(ctx, p.Service)
	if err != nil {
		return p.unread("overrides", err)
	}
	var orphans []string
	for _, o := range set {
		n, looked := found[p.space.Service(o.Namespace, o.Service)]
		if !looked || !o.Stay || !o.Until.IsZero() || len(n.listed) == mostNodes {
			continue
		}
		there, name := n.listed[keys.EscapeID(o.Node)], o.Node
		if o.Node == "" {
			there, name = len(n.listed) > 0, "(all nodes)"
		}
		if !there {
			orphans = append(orphans, fmt.Sprintf("%s/%s %s: %s", o.Namespace, o.Service, name, o))
		}
	}
	if len(orphans) > 0 {
		return bad(Warn, "if the nodes will not be back, undo them: rollcall undo SERVICE NODE",
			"overrides without an end of nodes that are not there: %s", count(orphans, "overrides"))
	}
	return fine("none of %d overrides waits for a node that is not there", len(set))
}

func (p *patient) unread(check string, err error) Finding {
	f := bad(Unknown, "run doctor as a user with the rights of a resolver: rollcall acl resolver", "the services cannot be read: %v", err)
	if !errors.Is(err, registry.ErrPermission) && !refused(err) {
		f.Remedy = "see the error"
	}
	f.Check = check
	return f
}

// services returns those that are looked at: those of the catalogues, which list a service
// for a week after its last node, too.
func (p *patient) services(ctx context.Context) (found []keys.Service, err error) {
	if p.Service != "" {
		return []keys.Service{p.space.Service(ownNamespace(p.namespace), p.Service)}, nil
	}
	namespaces := []string{p.namespace}
	if p.namespace == keys.AllNamespaces {
		if namespaces, err = p.r.Operator("").Namespaces(ctx); err != nil {
			return nil, err
		}
	}
	for _, ns := range namespaces {
		members, err := p.client.ZRange(ctx, p.space.Services(ns), 0, -1).Result()
		if err != nil {
			return nil, err
		}
		for _, m := range members { // one for each version; what is foreign, keyspace finds
			name, _, err := keys.ParseServiceMember(m)
			if k := p.space.Service(ns, name); err == nil && !slices.Contains(found, k) && len(found) < mostServices {
				found = append(found, k)
			}
		}
	}
	return found, nil
}

// nodes is the state of the nodes of a service.
type nodes struct {
	listed map[string]bool // by the members of the index
	late   int             // live ones that have missed two renewals
	left   int             // listed, though their leases ended
	last   time.Duration   // since the last of these did
}

// nodesOf reads the leases of a service.
func (p *patient) nodesOf(ctx context.Context, s keys.Service) (n nodes, err error) {
	var listed *redis.ZSliceCmd
	var clock *redis.TimeCmd
	_, err = p.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		listed = tx.ZRangeWithScores(ctx, s.Index(), 0, mostNodes-1) // the earliest lease ends
		clock = tx.Time(ctx)                                         // of the same master
		return nil
	})
	if err != nil {
		return n, err
	}
	now, ends := clock.Val(), map[string]time.Time{}
	n.listed = map[string]bool{}
	var alive []string
	for _, z := range listed.Val() {
		member, _ := z.Member.(string)
		n.listed[member], ends[member] = true, time.UnixMilli(int64(z.Score))
		if late := now.Sub(ends[member]); late > reapedBy {
			n.left, n.last = n.left+1, late // in the order of their ends
		} else if late < 0 {
			alive = append(alive, member)
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
