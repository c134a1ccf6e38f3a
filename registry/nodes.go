package registry

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// A NodeInfo is a node as Redis has it.
type NodeInfo struct {
	Namespace, Service, Version string

	Node *Node // as clients see it: with what operators set
	Own  *Node // as it registered itself

	Lease     string        // of its process: the same for as long as it is the same one
	Since     time.Time     // when its process registered it first, by Redis's clock
	Revision  uint64        // of its last registration or change
	TTL       time.Duration // of its lease
	LeaseEnds time.Time     // by Redis's clock, unless it is renewed before
	LeaseLeft time.Duration // until then, at most the TTL: Redis's clock was read a little before
	Overrides []ActiveOverride
}

// Nodes returns the live nodes of a service, or for "" of all services of the namespace: by
// namespace, service, version and ID. It reads every node of them, in pages.
//
//	ErrNotFound  the service that is named has none
func (o *Operator) Nodes(ctx context.Context, service string) ([]NodeInfo, error) {
	call := operation{op: "list", namespace: o.namespace, service: service}
	return run(ctx, o.r, call, func(ctx context.Context, op *operation) ([]NodeInfo, error) {
		wanted, err := op.services(ctx)
		if err != nil {
			return nil, err
		}
		found := []NodeInfo{}
		for chunk := range slices.Chunk(wanted, redisconn.PageSize/2) {
			nodes, err := op.c.nodesOf(ctx, chunk)
			if err != nil {
				return nil, err
			}
			found = append(found, nodes...)
		}
		slices.SortFunc(found, func(a, b NodeInfo) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Service, b.Service),
				strings.Compare(a.Version, b.Version), strings.Compare(a.Node.ID, b.Node.ID))
		})
		if service != "" && len(found) == 0 {
			return nil, ErrNotFound
		}
		return found, nil
	})
}

// nodesOf returns the live nodes of services, in pages of nodes, whatever services they are of.
func (c *conn) nodesOf(ctx context.Context, services []keys.Service) (found []NodeInfo, err error) {
	candidates, overrides, err := c.Candidates(ctx, services)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	now, err := c.clocks(ctx, services)
	if err != nil {
		return nil, err
	}
	unreadable := map[keys.Service][]*errdefs.NodeError{}
	for page := range slices.Chunk(candidates, redisconn.PageSize) {
		replies, ends, err := c.askInfo(ctx, page)
		if err != nil {
			return nil, err
		}
		for i, n := range page {
			data, lease := replies[i].Val()[0], replies[i].Val()[1]
			if data == "" {
				continue // it ran out or was deregistered after the index was read
			}
			node := foundNode{service: n.Service, id: n.ID}
			if err := node.decode(nil, data, lease); err != nil {
				unreadable[n.Service] = append(unreadable[n.Service], &errdefs.NodeError{Node: n.ID, Err: err})
				continue
			}
			holder, _ := record.ParseHolder(lease)
			found = append(found, *newNodeInfo(&node, holder, ends[i], serviceOverrides{overrides[n.Service], now[n.Service]}))
		}
	}
	for _, s := range services {
		c.tellUnreadable(s, unreadable[s])
	}
	return found, nil
}

// askInfo reads a page of nodes, those of one service behind each other, and the ends of their
// leases by the index, in one trip.
func (c *conn) askInfo(ctx context.Context, page []redisconn.Entry) (replies []*redis.StringSliceCmd, ends []time.Time, err error) {
	var scores []*redis.FloatSliceCmd // one for each service
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		var members []string
		for i, n := range page {
			replies = append(replies, redisconn.AskNode(ctx, p, n))
			members = append(members, keys.EscapeID(n.ID))
			if i+1 == len(page) || page[i+1].Service != n.Service {
				scores = append(scores, p.ZMScore(ctx, n.Service.Index(), members...))
				members = nil
			}
		}
		return nil
	})
	if err := redisconn.Refusal(cmds, err); err != nil {
		c.Reload(ctx)
		return nil, nil, err
	}
	for _, ofService := range scores {
		for _, score := range ofService.Val() {
			ends = append(ends, time.UnixMilli(int64(score)))
		}
	}
	return replies, ends, nil
}

// newNodeInfo describes a node that was read, of this holder.
func newNodeInfo(f *foundNode, holder record.Holder, ends time.Time, laid serviceOverrides) *NodeInfo {
	info := &NodeInfo{
		Namespace: f.service.Namespace(), Service: f.service.Name(), Version: f.record.Version, Own: fromRecord(f.id, f.record),
		Lease: holder.Lease, Since: time.UnixMicro(holder.Start), Revision: holder.Rev, TTL: holder.TTL,
		LeaseEnds: ends, LeaseLeft: min(max(0, ends.Sub(laid.now)), holder.TTL), Overrides: laid.active(f.service, f.id, holder),
	}
	laid.lay(f)
	info.Node = fromRecord(f.id, f.record)
	return info
}

// active returns what is set on a node, on all nodes first.
func (o serviceOverrides) active(s keys.Service, id string, holder record.Holder) []ActiveOverride {
	return append(activeOf(s, keys.AllNodes, o.byField[keys.OverrideField(keys.AllNodes)], holder, o.now),
		activeOf(s, id, o.byField[keys.EscapeID(id)], holder, o.now)...)
}
