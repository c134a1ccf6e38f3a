package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A Refusal is a time in which Redis refuses to renew leases, as the nodes tell
// that the replica holds for that. Its zero value is none.
type Refusal struct {
	Since time.Time // Redis's: the earliest that a node told
	Why   string    // what Redis said then
}

// Refusal tells since when and why leases of nodes that are shown cannot be
// renewed.
func (r *Replica) Refusal() Refusal { return r.refusal }

// Live takes the message of nodes that they live although Redis refuses to renew
// their leases, with Redis's time when it came. Each node that is shown, and has
// the lease of the message, is held until one TTL of contact has passed, whatever
// becomes of its lease. A message of an older lease changes nothing, and neither
// does one of a node that is not shown: it tells no record.
func (r *Replica) Live(l record.Live, now time.Time) {
	for _, told := range l.Nodes {
		n, member := r.nodes[told.ID]
		h, held := r.holds[told.ID]
		if held {
			n = h.node
		}
		if !member && !held || n.Lease != told.Lease && r.off&ruleLiveLease == 0 {
			continue
		}
		if _, lives := r.lives[told.ID]; !lives && h.told.IsZero() {
			r.refused++
			r.holding++
		}
		if r.refusal == (Refusal{}) || l.Since.Before(r.refusal.Since) {
			r.refusal = Refusal{l.Since, l.Why}
		}
		h = hold{node: h.node, left: n.Record.TTL, told: now}
		if held {
			r.holds[told.ID] = h
		} else {
			r.lives[told.ID] = h
		}
	}
}

// Renewed ends the hold of each member whose lease was renewed after the node had
// told that it lives. end returns the end of its lease by the index, or any
// earlier time. It tells whether a node whose hash was missing was renewed too,
// without a change: its hash came back, so the service is to be read again.
func (r *Replica) Renewed(end func(id string) time.Time) (reread bool) {
	if r.off&ruleLiveRenewed != 0 {
		return false
	}
	for id, h := range r.lives {
		if end(id).Add(-r.nodes[id].Record.TTL).After(h.told) {
			r.unlive(id)
		}
	}
	for id, h := range r.holds {
		if r.ghosts[id] && !h.told.IsZero() && end(id).Add(-h.node.Record.TTL).After(h.told) {
			return true
		}
	}
	return false
}

// unlive ends the hold of a member, if there is one.
func (r *Replica) unlive(id string) {
	if _, lives := r.lives[id]; lives {
		delete(r.lives, id)
		r.holding++
		r.renews()
	}
}

// renews notes that one node less is held because it could not renew.
func (r *Replica) renews() {
	if r.refused--; r.refused == 0 {
		r.refusal = Refusal{}
	}
}
