package replica

import (
	"strings"

	"github.com/rollcall-go/rollcall/internal/record"
)

// Event takes a change event, in the order in which the subscription brings
// them. It applies if its prev-tag is the tag that the replica is at; rev only
// orders, the tag proves.
func (r *Replica) Event(e record.Event) Outcome {
	r.arrivals++
	if r.recording {
		r.recorded = append(r.recorded, e)
	}
	if !r.proven {
		return Settled // the snapshot that is due covers it, or finds it recorded
	}
	if _, been := r.known(e.Tag); been {
		return r.outcome()
	}
	r.odd = append(r.odd, arrival{e, r.arrivals})
	r.chain()
	if r.First() && !r.recording { // the snapshot that is under way finds it recorded
		return Reread
	}
	return r.outcome()
}

// First says whether the first change of a service has come that had none: no event leads
// to it.
func (r *Replica) First() bool {
	return len(r.odd) > 0 && r.at.Tag == "" && r.off&ruleFirst == 0
}

// chain applies what follows from where the replica is, as far as it goes.
func (r *Replica) chain() {
	for i := 0; i < len(r.odd); i++ {
		if e := r.odd[i].event; r.follows(e) {
			r.odd = append(r.odd[:i], r.odd[i+1:]...)
			r.apply(e)
			i = -1
		}
	}
}

func (r *Replica) follows(e record.Event) bool {
	if r.off&ruleChain != 0 {
		return e.Epoch == r.at.Epoch && e.Rev == r.at.Rev+1
	}
	return e.Prev != "" && e.Prev == r.at.Tag
}

// outcome returns what the owner has to do about the odd events.
func (r *Replica) outcome() Outcome {
	switch {
	case len(r.odd) > oddSize:
		return Reread
	case len(r.odd) > 0 || r.wanted != nil:
		return Unexplained
	}
	return Settled
}

// apply makes the change of an event that follows.
func (r *Replica) apply(e record.Event) {
	r.reach(Point{e.Epoch, e.Rev, e.Tag})
	if e.Time.After(r.now) {
		r.now = e.Time
	}
	switch e.Kind {
	case record.Put:
		m := Member{ID: strings.Clone(e.ID), Lease: strings.Clone(e.Lease), Rev: e.Rev, Data: string(e.Payload)}
		r.put(&m, e.Time)
	case record.Set:
		r.set(strings.Clone(e.ID), string(e.Payload), e.Time)
	case record.Del:
		delete(r.unreadable, e.ID)
		if n, member := r.nodes[e.ID]; member && newer(n.Lease, e.Lease) {
			r.lose(n) // with its hash gone, nothing kept an older lease from being deregistered
		} else {
			r.drop(e.ID, false, e.Time)
		}
		if h, held := r.holds[e.ID]; held && !newer(h.node.Lease, e.Lease) {
			r.release(e.ID, e.Time)
		}
	case record.Exp: // names no lease, so it does not end the hold of a node
		delete(r.unreadable, e.ID)
		r.drop(e.ID, true, e.Time)
	}
	r.count()
}

// newer reports whether lease a comes after b. What is not a lease comes first.
func newer(a, b string) bool {
	la, erra := record.ParseLease(a)
	lb, errb := record.ParseLease(b)
	if erra != nil || errb != nil {
		return erra == nil
	}
	return la.Compare(lb) > 0
}
