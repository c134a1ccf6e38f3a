package registrar

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/statelog"
)

// applyCode does what the code of one node in a reply says, and returns the error that a
// caller sees. holder says who has a node that another process took. book.mu is held.
func (r *book) applyCode(n *node, code lua.Code, holder string, sent time.Time) error {
	var e lifecycle.Event
	var err error
	switch code {
	case lua.Done, lua.Quiet, lua.Older:
		if !n.Over() {
			r.renewsAgain = r.renewsAgain || !n.refusedSince.IsZero()
			n.leaseUntil, n.refusedSince = sent.Add(n.ttl), time.Time{}
			delete(r.refused, n)
		}
		e = lifecycle.Renewed
	case lua.None:
		return nil // another node of the call was refused
	case lua.Conflict:
		e, err = lifecycle.TakenOver, fmt.Errorf("%w: another process lives under this ID: stop it, choose another ID, or take it over without RegisterExclusive%s", errdefs.ErrConflict, holder)
	case lua.Superseded:
		e, err = lifecycle.TakenOver, fmt.Errorf("%w: another process registered this ID later: Deregister, then Register again takes it back%s", errdefs.ErrSuperseded, holder)
	default: // by an operator, or by another program that has our lease
		e, err = lifecycle.OperatorRemoved, fmt.Errorf("%w: an operator removed the node: Deregister, then Register again", errdefs.ErrSuperseded)
	}
	if n.Over() {
		return nil // it has ended meanwhile
	}
	n.holder = holder
	if r.happens(n, e, err) && n.Over() {
		r.leave(n)
		delete(r.refused, n)
	}
	return err
}

// happens gives an event to the life of a node, and reports where that changes its state;
// cause says why. The log has it from logChanges. book.mu is held.
func (r *book) happens(n *node, e lifecycle.Event, cause error) (changed bool) {
	was := n.State
	if !n.On(e, n.batch != nil) {
		return false
	}
	change := statelog.Change{Service: n.service.keys, Node: n.id, Was: was, State: n.State, Process: n.token, Holder: strings.Trim(n.holder, " ()")}
	if cause != nil {
		change.Cause = cause.Error()
		cause = &errdefs.NodeError{Node: n.id, Err: cause}
	}
	r.states.Add(change)
	r.sink.StateChanged(n.service.keys, n.id, n.State, cause)
	final := n.State == lifecycle.Superseded || n.State == lifecycle.Removed // of each node: the error names it
	if n.reg.onState != nil && (n.reg.reported != n.State || final) {
		n.reg.reported = n.State
		report, state := n.reg.onState, n.State
		r.c.Log.State(func() { report(state, cause) })
	}
	return true
}
