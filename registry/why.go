package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/leases"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Presence says whether a node is there, and if not, why.
type Presence int

// The presences of a node.
const (
	NodeUnknown  Presence = iota // Redis knows nothing of it: it never registered, or longer ago than the history goes back
	NodePresent                  // it is registered and its lease runs
	NodeUnlisted                 // it is registered, but something other than Rollcall took it out of the index
	NodeLeft                     // its process deregistered it
	NodeRemoved                  // an operator removed it
	NodeExpired                  // its lease ended without a renewal
	NodeLost                     // Redis lost it without a change: a flush, an eviction, a failover to a replica that was behind
)

// String returns the presence as one word: "unknown", "present", "unlisted", "left",
// "removed", "expired", "lost".
func (p Presence) String() string {
	names := []string{"unknown", "present", "unlisted", "left", "removed", "expired", "lost"}
	if p < 0 || int(p) >= len(names) {
		return names[0]
	}
	return names[p]
}

// An Explanation says whether a node is there, and why or why not.
type Explanation struct {
	Namespace, Service, Node string

	Presence   Presence
	Since      time.Time // when this began, by Redis's clock; zero where that is not known
	By, Reason string    // of the operator who removed it; Reason also of the process that deregistered it

	// Sentences for people: what is the case, what clients see meanwhile, and what would bring
	// the node back or is to be done. Each may be empty.
	Cause, Clients, Remedy string

	Info    *NodeInfo      // of a node that is NodePresent or NodeUnlisted
	History []HistoryEntry // of this node and of overrides of all nodes, newest first

	// Began is the time of the oldest change of the service that Redis has: nothing is known of
	// what was before. Zero: Redis has no history of the service.
	Began time.Time
	Now   time.Time // Redis's clock
}

// Why explains whether a node is there, and if not, what took it out and what would bring it
// back: from its record, its lease, the overrides and the history.
func (o *Operator) Why(ctx context.Context, service, node string) (*Explanation, error) {
	call := operation{op: "why", namespace: o.namespace, service: service}
	return run(ctx, o.r, call, func(ctx context.Context, op *operation) (*Explanation, error) {
		if err := cmp.Or(checkNamespace("Namespace", op.namespace), checkName("Service", service), checkName("Node", node)); err != nil {
			return nil, err
		}
		if err := op.c.Meet(ctx); err != nil {
			return nil, err
		}
		return op.c.explain(ctx, op.c.Space.Service(op.namespace, service), node)
	})
}

// evidence is what Redis knows of one node.
type evidence struct {
	holder  record.Holder // zero where there is none
	hash    bool          // there is a record
	indexed bool
	alone   bool      // all leases of the index have ended
	ends    time.Time // of the lease, by the index
	now     time.Time
}

// explain reads all that Redis knows of a node at once.
func (c *conn) explain(ctx context.Context, s keys.Service, id string) (*Explanation, error) {
	var read history
	var node *redis.StringSliceCmd
	var score *redis.FloatSliceCmd
	var overrides *redis.SliceCmd
	var newest *redis.ZSliceCmd
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		read = askHistory(ctx, p, s)
		node = redisconn.AskNode(ctx, p, redisconn.Entry{Service: s, ID: id})
		score = p.ZMScore(ctx, s.Index(), keys.EscapeID(id))
		newest = p.ZRangeWithScores(ctx, s.Index(), -1, -1)
		overrides = p.HMGet(ctx, s.Override(), keys.OverrideField(keys.AllNodes), keys.EscapeID(id))
		return nil
	})
	if err := redisconn.Refusal(cmds, err); err != nil {
		c.Reload(ctx)
		return nil, err
	}
	data, lease := node.Val()[0], node.Val()[1]
	ev := evidence{hash: data != "", now: read.clock.Val(), indexed: score.Val()[0] > 0, ends: time.UnixMilli(int64(score.Val()[0]))}
	ev.holder, _ = record.ParseHolder(lease)
	var lapsed []leases.Lapse
	if ev.indexed && !ev.ends.After(ev.now) && lease == "" {
		lapsed = []leases.Lapse{{ID: id, End: ev.ends}}
		ev.alone = len(leases.Sort(newest.Val(), ev.now).Lapses) > 0
	}
	all, err := read.entries(lapsed)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Namespace: s.Namespace(), Service: s.Name(), Node: id, Now: ev.now}
	for _, h := range all {
		e.Began = h.Time
		if h.Node == id || h.Node == keys.AllNodes {
			e.History = append(e.History, h)
		}
	}
	e.conclude(ev)
	if !ev.hash {
		return e, nil
	}
	f := foundNode{service: s, id: id}
	if err := f.decode(nil, data, lease); err != nil {
		e.Cause = fmt.Sprintf("The record of the node cannot be read: %v.", err)
		e.Clients, e.Remedy = "They do not see the node.", "Find the program that writes this key; the node's next change of data writes it anew."
		return e, nil
	}
	laid := serviceOverrides{map[string]string{}, e.Now}
	for i, field := range []string{keys.OverrideField(keys.AllNodes), keys.EscapeID(id)} {
		laid.byField[field], _ = overrides.Val()[i].(string)
	}
	e.Info = newNodeInfo(&f, ev.holder, ev.ends, laid)
	return e, nil
}

// conclude decides what the evidence says.
func (e *Explanation) conclude(ev evidence) {
	last := e.lastOf()
	switch {
	case ev.hash && ev.indexed:
		e.Presence, e.Since = NodePresent, e.sinceOf(ev.holder)
		e.Cause = fmt.Sprintf("The node is registered, and its lease ends in %v unless it is renewed.", max(0, ev.ends.Sub(ev.now)).Round(time.Millisecond))
		if ago := ev.holder.TTL - ev.ends.Sub(ev.now); ago > ev.holder.TTL/2 { // no interval is longer
			e.Cause += fmt.Sprintf(" It was last renewed %v ago, which is late: its process has probably crashed, or has no way to Redis.", ago.Round(time.Millisecond))
			e.Remedy = "Look at the log of the process, and whether it runs. Without a renewal the node is gone when its lease ends."
		}
		if last != nil && last.Kind == ChangeTakenOver && last.Lease == ev.holder.Lease {
			e.Cause += fmt.Sprintf(" At %s its process took it over from another one (%s), which had not deregistered it: that one crashed, or both use the same ID.",
				last.Time.Format(time.RFC3339), last.From)
		}
	case ev.hash:
		e.Presence = NodeUnlisted
		e.Cause = "The node is registered, but the index of the service does not list it: the index was evicted or changed by hand."
		e.Clients = "Those that knew it keep it for up to one TTL; others do not see it."
		e.Remedy = "Its next renewal lists it again, within a third of its TTL. Set maxmemory-policy to noeviction, or give Redis more memory."
	case ev.holder.Gone == "op" || last != nil && last.Kind == ChangeRemoved:
		e.Presence = NodeRemoved
		e.Cause = "An operator removed the node."
		e.Remedy = "Start its process again: until then it does not come back. In Go, Deregister and then Register do the same."
	case ev.holder.Gone == "self" || last != nil && last.Kind == ChangeDeregistered:
		e.Presence = NodeLeft
		e.Cause = "The process of the node deregistered it."
		e.Remedy = "It comes back when its process registers it again: once it is started, or once its check passes."
	case last != nil && last.Kind == ChangeExpired:
		e.Presence = NodeExpired
		e.Cause = "The lease of the node ended without a renewal: its process crashed, was stopped for longer than its TTL, lost its way to Redis, or its check failed."
	case ev.indexed || last != nil:
		e.Presence = NodeLost
		e.Cause = "Redis lost the node without a change: its key was evicted or deleted by hand, or a failover took a replica that was behind."
		e.Clients = "Those that knew it keep it for up to one TTL."
		e.Remedy = "A process that lives registers it again within a third of its TTL; see rollcall doctor for what lost it."
	default:
		e.Cause = "Redis knows nothing of this node and has no history of the service: it never registered, or over a day ago, or Redis lost its data."
		if !e.Began.IsZero() {
			e.Cause = fmt.Sprintf("Redis knows nothing of this node: it never registered since the history of the service begins, at %s. "+
				"Whether it did before cannot be known: Redis drops the oldest changes, and a flush or a restart without its data loses all.", e.Began.Format(time.RFC3339))
		}
		e.Remedy = "Check the namespace, the service and the ID; and the log of its process."
	}
	if e.Presence == NodeExpired {
		e.Clients = "Those that call it keep it for as long as it answers; others do not see it."
		e.Remedy = "It comes back by itself, within a third of its TTL, once its process reaches Redis and its check passes. Look at the log of the process, and whether it runs."
		if ev.alone {
			e.Cause += " The index still lists it: no process of the service is there to remove it."
			e.Remedy += " Any process of the service that starts removes it from the index."
		}
	}
	if last == nil {
		return
	}
	if over := e.takenOver(); over != nil && (e.Presence == NodeLeft || e.Presence == NodeExpired) {
		e.Cause += fmt.Sprintf(" At %s it had taken the node over from another process (%s), which may still run and has given up the node.",
			over.Time.Format(time.RFC3339), over.From)
		e.Remedy += " The earlier process does not take the node back by itself: if it is to have it, restart it."
	}
	del := last.Kind == ChangeRemoved || last.Kind == ChangeDeregistered
	if del && (e.Presence == NodeRemoved || e.Presence == NodeLeft) || e.Presence == NodeExpired {
		e.Since, e.By, e.Reason = last.Time, last.By, last.Reason
	}
}

// sinceOf returns since when a process has the node without a break: since it registered it
// first, or again after its lease had ended.
func (e *Explanation) sinceOf(holder record.Holder) (since time.Time) {
	if holder.Start == 0 {
		return time.Time{}
	}
	since, expired := time.UnixMicro(holder.Start), false
	for _, h := range slices.Backward(e.History) {
		switch {
		case h.Kind == ChangeExpired:
			expired = h.Time.After(since)
		case h.Kind == ChangeRegistered && expired:
			since, expired = h.Time, false
		}
	}
	return since
}

// takenOver returns how the process that had the node last took it over, or nil.
func (e *Explanation) takenOver() *HistoryEntry {
	for i := range e.History {
		switch h := &e.History[i]; {
		case h.Node != e.Node:
		case h.Kind == ChangeTakenOver:
			return h
		case h.Kind == ChangeRegistered:
			return nil
		}
	}
	return nil
}

// lastOf returns the newest change of the node that is neither an override nor its data, or nil.
func (e *Explanation) lastOf() *HistoryEntry {
	for i := range e.History {
		if k := e.History[i].Kind; k != ChangeOverride && k != ChangeEnded && k != ChangeData {
			return &e.History[i]
		}
	}
	return nil
}
