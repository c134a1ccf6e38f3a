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
	LeaseLeft time.Duration // until then
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
		for _, s := range wanted {
			nodes, err := op.c.nodesOf(ctx, s)
			if err != nil {
				return nil, err
			}
			found = append(found, nodes...)
		}
		if service != "" && len(found) == 0 {
			return nil, ErrNotFound
		}
		return found, nil
	})
}

// nodesOf returns the live nodes of one service.
func (c *conn) nodesOf(ctx context.Context, s keys.Service) ([]NodeInfo, error) {
	candidates, overrides, err := c.Candidates(ctx, []keys.Service{s})
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	now, err := c.clock(ctx, s)
	if err != nil {
		return nil, err
	}
	var found []NodeInfo
	for page := range slices.Chunk(candidates, redisconn.PageSize) {
		nodes, err := c.infoOf(ctx, s, page, overrides[s], now)
		if err != nil {
			return nil, err
		}
		found = append(found, nodes...)
	}
	slices.SortFunc(found, func(a, b NodeInfo) int {
		return cmp.Or(strings.Compare(a.Version, b.Version), strings.Compare(a.Node.ID, b.Node.ID))
	})
	return found, nil
}

// infoOf reads a page of the nodes of a service.
func (c *conn) infoOf(ctx context.Context, s keys.Service, page []redisconn.Entry, overrides map[string]string, now time.Time) ([]NodeInfo, error) {
	replies := make([]*redis.StringSliceCmd, len(page))
	var ends *redis.FloatSliceCmd
	members := make([]string, len(page))
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, n := range page {
			replies[i] = redisconn.AskNode(ctx, p, n)
			members[i] = keys.EscapeID(n.ID)
		}
		ends = p.ZMScore(ctx, s.Index(), members...)
		return nil
	})
	if err := redisconn.Refusal(cmds, err); err != nil {
		c.Reload(ctx)
		return nil, err
	}
	laid := serviceOverrides{overrides, now}
	var found []NodeInfo
	var unreadable []*errdefs.NodeError
	for i, n := range page {
		data, lease := replies[i].Val()[0], replies[i].Val()[1]
		if data == "" {
			continue // it ran out or was deregistered after the index was read
		}
		node := foundNode{service: s, id: n.ID}
		if err := node.decode(nil, data, lease); err != nil {
			unreadable = append(unreadable, &errdefs.NodeError{Node: n.ID, Err: err})
			continue
		}
		holder, _ := record.ParseHolder(lease)
		found = append(found, *newNodeInfo(&node, holder, time.UnixMilli(int64(ends.Val()[i])), laid))
	}
	c.tellUnreadable(s, unreadable)
	return found, nil
}

// newNodeInfo describes a node that was read, of this holder.
func newNodeInfo(f *foundNode, holder record.Holder, ends time.Time, laid serviceOverrides) *NodeInfo {
	info := &NodeInfo{
		Namespace: f.service.Namespace(), Service: f.service.Name(), Version: f.record.Version, Own: fromRecord(f.id, f.record),
		Lease: holder.Lease, Since: time.UnixMicro(holder.Start), Revision: holder.Rev, TTL: holder.TTL,
		LeaseEnds: ends, LeaseLeft: max(0, ends.Sub(laid.now)), Overrides: laid.active(f.service, f.id, holder),
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
