package registrar

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/leases"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// errChosenAnew is why a call is to be sent again.
var errChosenAnew = errors.New("redis refused the lease that was guessed: a newer one was chosen")

// tryAgain says whether a call is to be sent again: by the clock that the answer to a late call
// brought, or with leases chosen anew.
func tryAgain(err error) bool { return errors.Is(err, lua.ErrLate) || errors.Is(err, errChosenAnew) }

// choose gives the node a lease.
func (n *node) choose(start int64, guessedAt time.Time) {
	n.token = record.Lease{Start: start, Nonce: record.NewNonce()}.String()
	n.guessedAt, n.callsUntil = guessedAt, time.Time{}
}

// guess says whether the lease was guessed, and Redis is not known to have taken it.
func (n *node) guess() bool { return !n.guessedAt.IsZero() && !n.Confirmed }

// clockOf is the estimate of the clock of a service's master. Without a cluster all services
// have one master. book.mu is held.
func (r *book) clockOf(s *service) *replica.ServerClock {
	if !s.clock.Known() && !r.c.Clustered() {
		return &r.clock
	}
	return &s.clock
}

// chooseLeases gives a lease to each node that has none: where Redis's clock is known, one that
// starts at the least that this may show now. It returns the services that this failed for.
func (r *book) chooseLeases(ctx context.Context, nodes []*node) failures {
	byService := map[*service][]*node{}
	now := time.Now()
	r.mu.Lock()
	for _, n := range nodes {
		clock := r.clockOf(n.service)
		switch {
		case n.token != "" || n.State == lifecycle.Left:
		case clock.Known() && now.Sub(clock.Last()) < replica.GuessWithin:
			n.choose(clock.Least(now).UnixMicro(), now)
		default:
			byService[n.service] = append(byService[n.service], n)
		}
	}
	r.mu.Unlock()
	failed := failures{}
	for s, nodes := range byService {
		for chunk := range slices.Chunk(nodes, lua.MaxNodes) {
			if failed.Add(s, r.chooseLeasesOf(ctx, s, chunk)); failed[s] != nil {
				break
			}
		}
	}
	return failed
}

// chooseLeasesOf asks for Redis's time and for the present holders: a lease starts after
// that of the holder, so that it wins whatever the clocks say.
func (r *book) chooseLeasesOf(ctx context.Context, s *service, nodes []*node) error {
	sent := time.Now()
	held, now, err := leases.Look(ctx, r.c, s.keys, ids(nodes))
	if err != nil {
		r.c.Reload(ctx)
		return err
	}
	master, received := r.c.Master(ctx, s.keys), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered(s, replica.Answer{Sent: sent, Received: received, Now: now, Master: master})
	for i, n := range nodes {
		if n.token == "" {
			n.choose(replica.StartAfter(now, held[i]), time.Time{})
		}
	}
	return nil
}

// chooseAnew looks at the nodes of a call that Redis refused because the holder's lease is
// newer, or a guess was ahead. A guess that Redis has never taken gets another lease, which
// is newer than it and the holder's, and lua.None as its code: but where the holder
// registered after our Register began. It returns whether there is such a node: then the
// call is to be sent again.
func (r *book) chooseAnew(p registerCall, res lua.Result) (anew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	holders := res.Holders
	for i, n := range p.nodes {
		code := res.Codes[i]
		if code != lua.Superseded && code != lua.Conflict || len(holders) == 0 {
			continue
		}
		holder, _ := record.ParseLease(holders[0])
		holders = holders[1:]
		if code != lua.Superseded || n.Over() {
			continue
		}
		if n.token == p.call.Nodes[i].Token { // else another Register has chosen anew, and may hold the node by now
			guess, _ := record.ParseLease(n.token)
			start, ok := replica.StartAnew(guess, holder, p.service.clock.At(n.guessedAt), res.Now)
			if n.Confirmed || n.guessedAt.IsZero() || !ok {
				continue
			}
			n.choose(start, time.Time{})
		}
		res.Codes[i], anew = lua.None, true
	}
	return anew
}

// heldBy returns who has the nodes that a call was refused for, by ID and as the end of an
// error.
func (r *book) heldBy(ctx context.Context, s *service, nodes []*node, codes []lua.Code) map[string]string {
	refused := make([]*node, 0, len(nodes))
	for i, n := range nodes {
		if codes[i] == lua.Superseded || codes[i] == lua.Conflict {
			refused = append(refused, n)
		}
	}
	return leases.HeldBy(ctx, r.c, s.keys, ids(refused))
}

func ids(nodes []*node) []string {
	ids := make([]string, len(nodes))
	for i, n := range nodes {
		ids[i] = n.id
	}
	return ids
}
