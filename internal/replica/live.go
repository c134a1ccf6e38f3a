package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A Refusal is a time in which Redis refuses to renew leases, as reported by the nodes
// that the replica holds meanwhile. Its zero value is none.
type Refusal struct {
	Since time.Time // Redis's: the earliest that a node reported
	Why   string    // what Redis said then
}

// Refusal returns since when and why leases of nodes that are shown cannot be
// renewed.
func (r *Replica) Refusal() Refusal { return r.refusal }

// Live takes the message of nodes that they are alive although Redis refuses to renew
// their leases, with Redis's time when it came. Each node that is shown, and has
// the lease of the message, is held until one TTL of contact has passed, whatever
// becomes of its lease. A message of an older lease changes nothing, and neither
// does one of a node that is not shown: it has no record.
func (r *Replica) Live(l record.Live, now time.Time) {
	for _, node := range l.Nodes {
		n, member := r.nodes[node.ID]
		h, held := r.holds[node.ID]
		if held {
			n = h.node
		}
		if !member && !held || n.Lease != node.Lease && r.off&ruleLiveLease == 0 {
			continue
		}
		if _, lives := r.lives[node.ID]; !lives && h.aliveAt.IsZero() {
			r.refused++
			r.holding++
		}
		if r.refusal == (Refusal{}) || l.Since.Before(r.refusal.Since) {
			r.refusal = Refusal{l.Since, l.Why}
		}
		h = hold{node: h.node, left: n.ttl, aliveAt: now}
		if held {
			r.holds[node.ID] = h
		} else {
			r.lives[node.ID] = h
		}
	}
}

// Renewed ends the hold of each member whose lease was renewed after the node had
// reported that it is alive. end returns the end of its lease by the index, or any
// earlier time. It reports whether a node whose hash was missing was renewed too,
// without a change: its hash came back, so the service is to be read again.
func (r *Replica) Renewed(end func(id string) time.Time) (reread bool) {
	if r.off&ruleLiveRenewed != 0 {
		return false
	}
	for id, h := range r.lives {
		if end(id).Add(-r.nodes[id].ttl).After(h.aliveAt) {
			r.unlive(id)
		}
	}
	for id, h := range r.holds {
		if r.unreadable[id] && !h.aliveAt.IsZero() && end(id).Add(-h.node.ttl).After(h.aliveAt) {
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
