package registry

import (
	"fmt"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// judge draws the conclusion of one code about one node: its state, and the
// error that a caller sees; held says who has a node that another process took. A node that left meanwhile has no state any more.
func (r *Redis) judge(c *conn, n *node, code lua.Code, held string, sent time.Time) error {
	if n.over() {
		return nil
	}
	switch code {
	case lua.Done, lua.Quiet, lua.Older:
		n.confirmed = true
		r.renewsAgain = r.renewsAgain || !n.refusedSince.IsZero()
		n.trusted, n.refusedSince = sent.Add(n.ttl), time.Time{}
		r.become(c, n, Live, nil)
		return nil
	case lua.None:
		return nil // another node of the call was refused
	case lua.Conflict:
		return r.lose(c, n, Superseded, held, fmt.Errorf("%w: another process lives under this ID: stop it, choose another ID, or take it over without RegisterExclusive%s", ErrConflict, held))
	case lua.Superseded:
		return r.lose(c, n, Superseded, held, fmt.Errorf("%w: another process registered this ID later: Deregister, then Register again takes it back%s", ErrSuperseded, held))
	default: // removed by an operator, or by somebody who has our lease
		return r.lose(c, n, Removed, "", fmt.Errorf("%w: an operator removed the node: Deregister, then Register again", ErrSuperseded))
	}
}

// lose ends the renewal of a node that somebody else has now. What never stood
// is simply refused: its Register reports that.
func (r *Redis) lose(c *conn, n *node, state State, held string, err error) error {
	if n.confirmed || n.batch != nil {
		n.service.leave(n)
		n.held = held
		r.become(c, n, state, err)
	}
	return err
}

// become changes a node's state and reports it. The log has it from tell.
func (r *Redis) become(c *conn, n *node, state State, err error) {
	if n.state == state {
		return
	}
	change := turn{node: n, was: n.state, state: state}
	n.state = state
	if err != nil {
		change.cause = err.Error()
		err = failure("renew", n.service.namespace, n.service.name, &errdefs.NodeError{Node: n.id, Err: err})
	}
	r.turns = append(r.turns, change)
	c.observe(StateEvent{Namespace: n.service.namespace, Service: n.service.name, Node: n.id, State: state, Err: err})
	final := state == Superseded || state == Removed // of each node, the error tells which
	if n.reg.onState != nil && (n.reg.reported != state || final) {
		n.reg.reported = state
		report := n.reg.onState
		c.Log.State(func() { report(state, err) })
	}
}
