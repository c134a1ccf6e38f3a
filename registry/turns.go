package registry

import (
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
)

// A turn is the change of a node's state, for the log.
type turn struct {
	node       *node
	was, state State
	cause      string
}

// shownNodes is how many ids one line names at most.
const shownNodes = 5

// tell logs what changed since it was called last: one line for all nodes that have
// come to the same state for the same reason. Nodes that are lost are one episode: a
// line when the first is lost, and one when the last is back. Redis.mu is held.
func (r *Redis) tell(c *conn) {
	type fact struct {
		was, state State
		cause      string
	}
	byFact := map[fact][]turn{}
	var facts []fact
	var lost, back logs.Note // back: of the last that came back, if none is lost since
	now := time.Now()
	for _, t := range r.turns {
		f := fact{t.was, t.state, t.cause}
		if byFact[f] == nil {
			facts = append(facts, f)
		}
		byFact[f] = append(byFact[f], t)
		id := t.node.service.String() + "/" + t.node.id
		switch t.state {
		case Lost:
			lost, back = logged(lost, r.lost.Failed(id, now)), logs.Note{}
		case Withheld: // it is not back
		default:
			back = logged(back, r.lost.Recovered(id, now))
		}
	}
	r.turns = nil
	for _, f := range facts {
		if f.state == Lost && lost.Phase == logs.Nothing || f.state == Live && f.was == Lost {
			continue
		}
		if f.state == Lost {
			lost.Phase = logs.Nothing // one line for all
		}
		level, text := line(f.was, f.state)
		of := byFact[f]
		c.log(level, func(e *zerolog.Event) { describe(e, of).Msg(text) })
	}
	if back.Phase == logs.Ended {
		c.warn(func(e *zerolog.Event) {
			e.EmbedObject(back).Msg("rollcall: no node is lost any more: all are registered again, or gone")
		})
	}
}

// logged returns which of two notes is worth a line.
func logged(a, b logs.Note) logs.Note {
	if b.Phase != logs.Nothing {
		return b
	}
	return a
}

// line says what a change of state means to the reader of the log.
func line(was, state State) (zerolog.Level, string) {
	switch {
	case state == Lost:
		return zerolog.WarnLevel, "rollcall: nodes are lost: callers may no longer find them; they are registered again as soon as redis takes it"
	case state == Withheld:
		return zerolog.WarnLevel, "rollcall: a check fails, so leases are not renewed: callers lose the nodes when the leases end"
	case state == Superseded:
		return zerolog.WarnLevel, "rollcall: another process has taken nodes over under the same id, and this one stops renewing them: give each process an id of its own; to take them back, Deregister and Register"
	case state == Removed:
		return zerolog.WarnLevel, "rollcall: an operator removed nodes, and they are not renewed any more: to bring them back, Deregister and Register"
	case state == Live && was == Withheld:
		return zerolog.WarnLevel, "rollcall: a check passes again, and leases are renewed"
	case state == Live:
		return zerolog.InfoLevel, "rollcall: nodes are registered"
	default:
		return zerolog.InfoLevel, "rollcall: nodes are deregistered"
	}
}

// describe adds which nodes of which services, and why.
func describe(e *zerolog.Event, of []turn) *zerolog.Event {
	first := of[0]
	if first.cause != "" {
		e = e.Str("error", first.cause)
	}
	services := map[*service]bool{}
	var ids []string
	for _, n := range of {
		services[n.node.service] = true
		ids = append(ids, n.node.id)
	}
	if e = e.Str("namespace", first.node.service.namespace).Str("service", first.node.service.name); len(services) > 1 {
		e = e.Int("services", len(services))
	}
	slices.Sort(ids)
	if more := len(ids) - shownNodes; more > 0 {
		ids = append(ids[:shownNodes], fmt.Sprintf("and %d more", more))
	}
	return e.Strs("nodes", ids).Stringer("state", first.state)
}
