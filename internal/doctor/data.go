package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/plural"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	dataTime = 20 * time.Second // for all services; what it does not suffice for is not looked at, and doctor says so
	reapedBy = 5 * time.Second  // after the end of a lease some process has removed the node, if one serves the service
	page     = 500              // nodes that are read together
	missed   = 3                // below a third of its lease, a node has missed two renewals
)

// data looks at the nodes and the overrides of the services.
func (p *patient) data(ctx context.Context) []Finding {
	services, err := p.services(ctx)
	if err != nil {
		return []Finding{p.unread("renewals", err), p.unread("overrides", err)}
	}
	found, deadline := map[keys.Service]nodes{}, time.Now().Add(p.DataTime)
	var late, left []string
	total := 0
	for _, s := range services {
		if time.Now().After(deadline) {
			break
		}
		n, err := p.nodesOf(ctx, s)
		if err != nil {
			return []Finding{p.unread("renewals", err), p.unread("overrides", err)}
		}
		found[s] = n
		total += len(n.listed)
		if n.late > 0 {
			late = append(late, fmt.Sprintf("%s (%d of %d nodes)", s, n.late, len(n.listed)))
		}
		if n.left > 0 {
			left = append(left, fmt.Sprintf("%s (%d of %d nodes, the last one %v ago)", s, n.left, len(n.listed), n.last.Round(time.Second)))
		}
	}
	renewals := fine("all nodes are renewed: %s of %s", plural.Count(total, "node"), plural.Count(len(services), "service"))
	if total == 0 {
		renewals = fine("there are no nodes to renew; looked at %s", plural.Count(len(services), "service"))
	}
	switch {
	case len(late) > 0:
		renewals = bad(Warn, "look at the logs of these processes: a check that fails, a right that is missing, or a process that hangs; manual nodes are renewed by hand",
			"nodes have missed two renewals: %s", count(late, "service"))
	case len(left) > 0:
		renewals = bad(Warn, "start a process of the service, which removes them; readers leave such nodes out",
			"leases have ended, and no process of the service is there to remove the nodes: %s", count(left, "service"))
	case len(found) < len(services):
		renewals = bad(Unknown, "look at single services: rollcall doctor --service SERVICE", "the nodes that were looked at are renewed")
	}
	if len(found) < len(services) {
		renewals.What += fmt.Sprintf("; there was time for %d of %s", len(found), plural.Count(len(services), "service"))
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
		if !looked || !o.Stay || !o.Until.IsZero() {
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
			"overrides without an end of nodes that are not there: %s", count(orphans, "override"))
	}
	return fine("none without an end waits for a node that is not there: %s", plural.Count(len(set), "override"))
}

func (p *patient) unread(check string, err error) Finding {
	f := bad(Unknown, "run doctor as a user with the rights of a resolver: rollcall acl resolver", "the services cannot be read: %s", strings.TrimPrefix(err.Error(), "rollcall: "))
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
	listed := map[keys.Service]bool{}
	for _, ns := range namespaces {
		members, err := p.client.ZRange(ctx, p.space.Services(ns), 0, -1).Result()
		if err != nil {
			return nil, err
		}
		for _, m := range members { // one for each version; what is foreign, keyspace finds
			name, _, err := keys.ParseServiceMember(m)
			if k := p.space.Service(ns, name); err == nil && !listed[k] {
				listed[k] = true
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

// nodesOf reads the leases of a service, in pages.
func (p *patient) nodesOf(ctx context.Context, s keys.Service) (n nodes, err error) {
	n.listed = map[string]bool{}
	for cursor := uint64(0); ; {
		var listed *redis.ScanCmd
		var clock *redis.TimeCmd
		_, err := p.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
			listed = tx.ZScan(ctx, s.Index(), cursor, "", page)
			clock = tx.Time(ctx) // of the same master
			return nil
		})
		if refused(listed.Err()) { // err tells only that the transaction was discarded
			return n, listed.Err()
		}
		if err != nil {
			return n, err
		}
		var members []string
		members, cursor = listed.Val()
		if err := p.judge(ctx, s, &n, members, clock.Val()); err != nil || cursor == 0 {
			return n, err
		}
	}
}

// judge counts the nodes of a page: members of the index, each with the end of its lease after
// it. A scan may bring a member again.
func (p *patient) judge(ctx context.Context, s keys.Service, n *nodes, page []string, now time.Time) error {
	holders, ends := map[string]*redis.SliceCmd{}, map[string]time.Time{}
	_, err := p.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for pair := range slices.Chunk(page, 2) {
			member := pair[0]
			score, err := strconv.ParseFloat(pair[1], 64)
			if err != nil || n.listed[member] {
				continue
			}
			n.listed[member], ends[member] = true, time.UnixMilli(int64(score))
			if late := now.Sub(ends[member]); late > reapedBy {
				n.left++
				if n.left == 1 || late < n.last {
					n.last = late
				}
			} else if late < 0 {
				holders[member] = pipe.HMGet(ctx, nodeKey(s, member), "lease") // which a resolver may
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for member, holder := range holders {
		lease, _ := holder.Val()[0].(string)
		if h, err := record.ParseHolder(lease); err == nil && h.TTL > 0 && ends[member].Sub(now) < h.TTL/missed {
			n.late++
		}
	}
	return nil
}

// nodeKey is the key of a node by its member of the index, which is encoded already.
func nodeKey(s keys.Service, member string) string {
	return strings.TrimSuffix(s.Node("x"), "x") + member
}
