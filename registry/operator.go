package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// An Operator sees what is registered and steers it, for a person or a tool. Its methods
// return the errors of a Registry: ErrInvalid, ErrNotFound, ErrPermission, ErrUnavailable.
// Reading takes the rights of a reader; docs/protocol.md lists those for changes.
type Operator struct {
	r                     *Redis
	by, namespace, reason string
}

// Operator returns an Operator in the namespace of the registry. By says who acts, such as
// "alice@bastion": overrides and the history show it. It may be empty for one who only looks.
func (r *Redis) Operator(by string) *Operator { return &Operator{r: r, by: by} }

// In returns the same Operator in another namespace. "" is the registry's. Only methods that
// change nothing take "*", all namespaces.
func (o *Operator) In(namespace string) *Operator {
	in := *o
	in.namespace = namespace
	return &in
}

// WithReason returns the same Operator with a reason, at most 500 bytes, for those of its changes
// that are given none: Undo and UndoAll, and Set, SetAll and Remove without one. The history
// shows it.
func (o *Operator) WithReason(reason string) *Operator {
	with := *o
	with.reason = reason
	return &with
}

// Set sets an override on a node. What is set already and that v does not name stays. The same
// call again changes nothing.
//
//	ErrNotFound  there is no such node
//	ErrInvalid   v sets nothing, or something is wrong with it; or Operator names nobody
func (o *Operator) Set(ctx context.Context, service, node string, v Override) error {
	return o.set(ctx, service, node, checkName("Node", node), v)
}

// SetAll sets an override on all nodes of a service, also on those that register later. What
// is set on a node itself goes before it. It returns ErrNotFound where the service has no node.
func (o *Operator) SetAll(ctx context.Context, service string, v Override) error {
	return o.set(ctx, service, keys.AllNodes, nil, v)
}

func (o *Operator) set(ctx context.Context, service, node string, bad error, v Override) error {
	v.Reason = cmp.Or(v.Reason, o.reason)
	aspects, note, err := v.encode(o.by)
	return o.change(ctx, "override", service, node, cmp.Or(bad, err), func(ctx context.Context, c *conn, s keys.Service, t lua.Target, now time.Time) error {
		until, err := v.ends(now)
		if err != nil {
			return err
		}
		if !until.IsZero() {
			note.Until = until.UnixMilli()
		}
		return c.override(ctx, lua.OverrideCall{
			Target: t, ID: node, Until: until, Bound: !v.Stay && node != keys.AllNodes, Aspects: aspects,
		}, note)
	})
}

// Undo takes back what operators set on a node: the aspects that are named, as
// ActiveOverride.Aspect has them, or all. What is not set, or of a node that is not there, is no
// error.
func (o *Operator) Undo(ctx context.Context, service, node string, aspects ...string) error {
	return o.undo(ctx, service, node, checkName("Node", node), aspects)
}

// UndoAll takes back what SetAll set, as Undo does.
func (o *Operator) UndoAll(ctx context.Context, service string, aspects ...string) error {
	return o.undo(ctx, service, keys.AllNodes, nil, aspects)
}

func (o *Operator) undo(ctx context.Context, service, node string, bad error, aspects []string) error {
	undone := []lua.Aspect{{Name: record.EveryAspect}}
	if len(aspects) > 0 {
		undone = nil
	}
	bad = cmp.Or(bad, checkReason(o.reason))
	note := record.Note{By: o.by, Reason: o.reason, Undone: aspects}
	for _, a := range aspects {
		name, err := parseAspect(a)
		undone, bad = append(undone, lua.Aspect{Name: name}), cmp.Or(bad, err)
	}
	return o.change(ctx, "undo", service, node, bad, func(ctx context.Context, c *conn, s keys.Service, t lua.Target, _ time.Time) error {
		return c.override(ctx, lua.OverrideCall{Target: t, ID: node, Aspects: undone}, note)
	})
}

// override sends a call and turns its code into an error.
func (c *conn) override(ctx context.Context, call lua.OverrideCall, note record.Note) (err error) {
	if call.Note, err = note.Encode(); err != nil {
		return errdefs.Invalid("Override", "%v: set or undo fewer aspects at once", err)
	}
	r := lua.Override(ctx, c.UniversalClient, call)[0]
	switch {
	case r.Err != nil:
		return lateOr(r.Err)
	case r.Codes[0] == lua.None:
		return fmt.Errorf("%w: it is not registered now", ErrNotFound)
	case r.Codes[0] == lua.TooLarge:
		return errdefs.Invalid("Override", "all that is set on this node would be over %d bytes: undo some of it", record.MaxOverride)
	}
	return nil
}

// lateOr is the error of a script that did nothing.
func lateOr(err error) error {
	if errors.Is(err, lua.ErrLate) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// removals is how often Remove tries anew where another process takes the node meanwhile.
const removals = 3

// Remove removes a node, as if it had deregistered. Its process learns that at its next renewal
// and does not register it again, until it deregisters it or is started anew; to keep a node
// without traffic for a while, set Draining instead. The history shows the reason.
//
//	ErrNotFound  there is no such node
func (o *Operator) Remove(ctx context.Context, service, node, reason string) error {
	reason = cmp.Or(reason, o.reason)
	bad := cmp.Or(checkName("Node", node), checkReason(reason))
	return o.change(ctx, "remove", service, node, bad, func(ctx context.Context, c *conn, s keys.Service, t lua.Target, _ time.Time) error {
		note, err := record.Note{By: o.by, Reason: reason}.Encode()
		if err != nil {
			return err
		}
		for range removals {
			text, err := c.HGet(ctx, s.Node(node), "lease").Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
			holder, err := record.ParseHolder(text)
			if err != nil || holder.Gone != "" {
				return fmt.Errorf("%w: it is not registered now", ErrNotFound)
			}
			r := lua.Deregister(ctx, c.UniversalClient, lua.DeregisterCall{
				Target: t, Act: lua.Act{By: lua.Operator, Note: note}, Nodes: []lua.Lease{{ID: node, Token: holder.Lease, Seq: holder.Seq}},
			})[0]
			if r.Err != nil {
				return lateOr(r.Err)
			}
			if r.Codes[0] != lua.Superseded {
				return nil
			}
		}
		return fmt.Errorf("%w: other processes keep taking the node: stop one of them", ErrConflict)
	})
}

// change runs a change of one node. bad is what is wrong with the arguments.
func (o *Operator) change(ctx context.Context, op, service, node string, bad error,
	do func(context.Context, *conn, keys.Service, lua.Target, time.Time) error,
) error {
	call := operation{op: op, namespace: o.namespace, service: service}
	call.prepare = func(op *operation) error {
		err := cmp.Or(checkNamespace("Namespace", op.namespace), checkName("Service", service), bad)
		if err == nil && o.by == "" {
			err = errdefs.Invalid("By", "is empty: name who acts in Redis.Operator")
		}
		return cmp.Or(err, checkText("By", o.by))
	}
	_, err := run(ctx, o.r, call, func(ctx context.Context, op *operation) (struct{}, error) {
		c := op.c
		if err := c.Meet(ctx); err != nil {
			return struct{}{}, err
		}
		s := c.Space.Service(op.namespace, service)
		now, err := c.clock(ctx, s)
		if err == nil {
			deadline, _ := ctx.Deadline() // operations are bounded
			t := lua.Target{Service: s, DB: c.DB, Deadline: now.Add(time.Until(deadline)), Nonce: record.NewNonce()}
			err = do(ctx, c, s, t, now)
		}
		if err != nil && node != keys.AllNodes {
			err = &errdefs.NodeError{Node: node, Err: err}
		}
		return struct{}{}, err
	})
	return err
}

// clock returns the time of the master that has a service.
func (c *conn) clock(ctx context.Context, s keys.Service) (time.Time, error) {
	var clock *redis.TimeCmd
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZCard(ctx, s.Index()) // in a cluster, its key leads to the master
		clock = p.Time(ctx)
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		c.Reload(ctx)
	}
	return clock.Val(), err
}

// clocks returns the time of the masters that have services: one trip for each master.
func (c *conn) clocks(ctx context.Context, services []keys.Service) (map[keys.Service]time.Time, error) {
	now, byMaster := make(map[keys.Service]time.Time, len(services)), map[string]time.Time{}
	for _, s := range services {
		master := c.Master(ctx, s)
		at, known := byMaster[master]
		if !known {
			var err error
			if at, err = c.clock(ctx, s); err != nil {
				return nil, err
			}
			byMaster[master] = at
		}
		now[s] = at
	}
	return now, nil
}

// Namespaces returns the namespaces that have, or had within the last week, a service, in
// order.
func (o *Operator) Namespaces(ctx context.Context) ([]string, error) {
	return run(ctx, o.r, operation{op: "list"}, func(ctx context.Context, op *operation) ([]string, error) {
		if err := op.c.Meet(ctx); err != nil {
			return nil, err
		}
		found, err := op.c.Namespaces(ctx, keys.AllNamespaces)
		slices.Sort(found)
		return found, err
	})
}

// services returns those that a call reads: one, or for "" all of its namespaces.
func (o *operation) services(ctx context.Context) (wanted []keys.Service, err error) {
	if err := checkText("Service", o.service); err != nil {
		return nil, err
	}
	if err := o.c.Meet(ctx); err != nil {
		return nil, err
	}
	namespaces, err := o.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	for _, ns := range namespaces {
		if o.service != "" {
			wanted = append(wanted, o.c.Space.Service(ns, o.service))
			continue
		}
		names, err := o.c.Names(ctx, ns)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, names...)
	}
	return wanted, nil
}
