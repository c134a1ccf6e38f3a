package registrar

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
	"github.com/rollcall-go/rollcall/internal/schedule"
	"github.com/rollcall-go/rollcall/internal/statelog"
)

// A book is what is registered here, and what the actors and the calls share. Its mutex
// guards the services with all that they hold, and the fields below it.
type book struct {
	c          *redisconn.Conn
	sink       Sink
	hintsAlone bool // as Options.HintsAlone

	renewals actor.Wake // wakes the renewer
	reaps    actor.Wake // wakes the reaper
	listings actor.Wake // wakes the cataloguer

	renewal     logs.Trouble // Redis answers, and renews nothing
	unpublished logs.Trouble // changes were made whose events were refused

	registering actor.Group // calls of Register, from when their nodes are known here

	mu          sync.Mutex
	closed      bool
	services    map[keys.Service]*service
	clock       replica.ServerClock // of the newest answer, of whichever service
	states      *statelog.Log       // how the states of nodes change
	refused     map[*node]bool      // whose renewal Redis refuses
	renewsAgain bool                // a node that was refused has been renewed since

	batches   schedule.Schedule[*batch]   // by when the renewer renews them
	intervals schedule.Tally              // of the batches
	reaping   schedule.Schedule[*service] // by when the reaper looks at them
}

// A service is what this registry registered under one name, and what it knows
// of the master that has it. book.mu guards it, and all types below.
type service struct {
	schedule.Place // when the reaper looks next

	keys        keys.Service
	clock       replica.ServerClock
	next        time.Time // Redis's: the lease end that comes next in the index, or zero
	reapFor     time.Time // Redis's: the lease end that the reaper looks for next
	lastContact time.Time // Redis's: when contact was last unbroken, before it broke
	deferred    bool      // at the last reap, some leases had ended too recently to be checked
	nodes       map[string]*node
	listed      map[string]time.Time // ours: when each version was last entered in the catalogues
	ttls        schedule.Tally       // of nodes
	batches     map[batchKey]*batch
	failing     map[batchKey]bool // batches whose renewal fails, as the log says
	withdrawing int               // deregistrations under way
}

// A node is one registration of one node. Its lease is chosen once and ends with it:
// after Deregister, the next Register makes another node.
type node struct {
	service    *service
	reg        *registration // of the newest Register
	id         string
	version    string
	token      string    // the lease; "" until it is chosen
	guessedAt  time.Time // ours: when it was chosen by the estimate of Redis's clock; zero where Redis was asked
	callsUntil time.Time // Redis's: until when a call to register it may come to Redis
	seq        uint64
	data       []byte
	apis       []byte
	ttl        time.Duration
	interval   time.Duration
	exclusive  bool
	manual     bool
	check      func(context.Context) error

	holder string // who has it now, where it is Superseded, as holders says
	batch  *batch // who renews it; nil for a manual one
	lifecycle.Life
	calls      int       // Register calls under way
	accepted   bool      // a Register of it has returned nil
	calledAt   time.Time // ours: when Register was last called for it
	leaseUntil time.Time // ours: when the lease ends, by the last renewal

	refusedSince time.Time // Redis's: when Redis began to refuse to renew it; zero while it does not
	liveSentAt   time.Time // ours: when the last message was sent that it lives, for that
}

// A registration is what the nodes of one Register call share.
type registration struct {
	onState  func(lifecycle.State, error)
	reported lifecycle.State
}

// A batch is the nodes of one service that are renewed together: those of one
// interval, or those that share a check.
type batch struct {
	schedule.Place // when it is renewed next; nothing while a round is under way with it

	service *service
	key     batchKey
	check   func(context.Context) error
	nodes   map[string]*node
	pending []pendingDeregister

	backoff    *backoff.ExponentialBackOff
	checkState checkState
	checkedAt  time.Time // ours: when the check was called last
}

// A batchKey is what makes the batches of a service different.
type batchKey struct {
	interval time.Duration
	checked  *registration // nil where nothing is to be checked
}

// A checkState says how far the check of a batch has come.
type checkState int

const (
	checkIdle checkState = iota
	checkRunning
	checkPassed
)

// A pendingDeregister is a deregistration that was not delivered. It is tried again until
// the lease has ended, so that watchers need not wait for that.
type pendingDeregister struct {
	lease       lua.Lease
	act         lua.Act
	callsUntil  time.Time // Redis's: a call to register the lease may come until then, or zero
	from, until time.Time // ours
}

// String names a service in errors and in the log.
func (s *service) String() string { return s.keys.String() }

func (n *node) lease() lua.Lease { return lua.Lease{ID: n.id, Token: n.token, Seq: n.seq, TTL: n.ttl} }

// renewedSince reports whether a renewal or registration that was sent since then has
// succeeded.
func (n *node) renewedSince(t time.Time) bool { return !n.leaseUntil.Before(t.Add(n.ttl)) }

// shownUntil is when watchers remove the node if nothing more is done: a TTL after its last
// renewal, or after the last message that it lives.
func (n *node) shownUntil() time.Time {
	if held := n.liveSentAt.Add(n.ttl); held.After(n.leaseUntil) {
		return held
	}
	return n.leaseUntil
}

func newService(k keys.Service) *service {
	return &service{keys: k, nodes: map[string]*node{}, listed: map[string]time.Time{}, ttls: schedule.Tally{}, batches: map[batchKey]*batch{}, failing: map[batchKey]bool{}}
}

// batch returns the batch of a key, made where there is none.
func (r *book) batch(s *service, key batchKey, check func(context.Context) error) *batch {
	b := s.batches[key]
	if b == nil {
		b = &batch{service: s, key: key, check: check, nodes: map[string]*node{}, backoff: actor.Retries(key.interval)}
		s.batches[key] = b
		r.intervals.Move(0, key.interval)
	}
	return b
}

// join puts n into the batch that renews it, and out of another. It is due at
// the latest at that time of ours.
func (r *book) join(n *node, due time.Time) {
	key := batchKey{interval: n.interval}
	if n.check != nil {
		key.checked = n.reg
	}
	b := r.batch(n.service, key, n.check)
	r.dueBy(b, due)
	if n.batch != b {
		r.leave(n)
		b.nodes[n.id], n.batch = n, b
	}
}

// leave takes n out of its batch.
func (r *book) leave(n *node) {
	if b := n.batch; b != nil {
		n.batch = nil
		delete(b.nodes, n.id)
		r.tidyBatch(b)
	}
}

// dueBy has a batch renewed at that time of ours at the latest. One that was forgotten
// while a round was under way with it is not due any more.
func (r *book) dueBy(b *batch, at time.Time) { r.dueFrom(b, time.Time{}, at) }

// dueFrom does so, and no sooner than from, also where a round could be shared.
func (r *book) dueFrom(b *batch, from, at time.Time) {
	if due := b.Due(); !b.forgotten() && (due.IsZero() || at.Before(due)) {
		r.dueAt(b, from, at)
	}
}

// dueAt has a batch renewed between these times. The renewer is woken if it would sleep longer.
func (r *book) dueAt(b *batch, from, at time.Time) {
	if r.batches.SetFrom(b, from, at); r.batches.First().Equal(at) {
		r.renewals.Signal()
	}
}

// tidyBatch forgets a batch that has nothing left to do.
func (r *book) tidyBatch(b *batch) {
	if len(b.nodes) == 0 && len(b.pending) == 0 && !b.forgotten() {
		delete(b.service.batches, b.key)
		delete(b.service.failing, b.key)
		r.intervals.Move(b.key.interval, 0)
		r.batches.Set(b, time.Time{})
	}
}

// forgotten reports whether tidyBatch has forgotten it: another may have taken its place.
func (b *batch) forgotten() bool { return b.service.batches[b.key] != b }

// answered takes an answer of the service's master. If contact breaks again before every
// lease that the previous break affected was checked, the earlier break counts.
func (r *book) answered(s *service, a replica.Answer) {
	was := s.clock
	s.clock.Answered(a, s.ttl()/2)
	switch {
	case s.clock.Since().Equal(was.Since()) || !was.Known():
	case s.lastContact.IsZero() || !s.deferred && a.Received.After(was.ProvenFrom(s.ttl())):
		s.lastContact = was.Now()
	}
	r.clock = s.clock
}

// checkFrom is when a node whose lease ended at that time may be removed. Nodes of other
// registries may have longer TTLs than those here. Where a lease had longer to run than
// that when contact broke, its node gets that long to renew: half of its TTL at least.
func (s *service) checkFrom(end time.Time) time.Time {
	if left := end.Sub(s.lastContact); !s.lastContact.IsZero() && left > s.ttl() {
		return s.clock.ProvenFrom(2 * left)
	}
	return s.clock.ProvenFrom(s.ttl())
}

// ttl is the longest TTL of the service's nodes here: what contact is measured by.
func (s *service) ttl() time.Duration { return s.ttls.Longest() }
