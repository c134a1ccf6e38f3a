package replica

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// birth is what a clock of Redis shows when a run begins.
const birth = 1_000_000 * time.Second

// A server is what one Redis holds of the service.
type server struct {
	w    *world
	name string
	skew time.Duration // of its clock

	index     map[string]int64 // id -> end of the lease, ms
	hashes    map[string]*hash
	version   Point
	log       []record.LogEntry // newest first
	overrides map[string]string
	retires   int64 // when index, version and log expire, ms; 0: they do not

	subscriptions []*subscription
	demoted       []*server // they pass its events on to their own subscribers
	dead          bool
	stopped       bool
	waiting       []func() // until it goes on
	migrating     bool     // its slot moves: calls that name two keys are refused
	refusing      bool     // it serves reads and refuses writes

	been []Point // all its versions, for the oracle
}

// A hash is a node's, or a tombstone.
type hash struct {
	lease   string
	seq     uint64
	rev     uint64
	ttl     int64 // ms
	data    string
	gone    string // self or op
	expires int64  // ms
}

func (w *world) newServer() *server {
	w.ids++
	return &server{
		w: w, name: fmt.Sprintf("redis%d", w.ids), been: []Point{{}},
		index: map[string]int64{}, hashes: map[string]*hash{}, overrides: map[string]string{},
	}
}

// clone is what a replica of Redis holds whose link breaks now.
func (s *server) clone() *server {
	c := s.w.newServer()
	c.skew, c.version, c.log, c.been = s.skew, s.version, slices.Clone(s.log), slices.Clone(s.been)
	c.retires = s.retires
	c.index, c.overrides = maps.Clone(s.index), maps.Clone(s.overrides)
	for id, h := range s.hashes {
		copied := *h
		c.hashes[id] = &copied
	}
	return c
}

// exec does what came over the network: at once, or when the server goes on.
func (s *server) exec(do func()) {
	switch {
	case s.dead:
	case s.stopped:
		s.waiting = append(s.waiting, do)
	default:
		s.expire()
		do()
	}
}

// clock is TIME.
func (s *server) clock() time.Duration {
	return (birth + s.w.now + s.skew).Truncate(time.Microsecond)
}

func (s *server) clockMS() int64 { return s.clock().Milliseconds() }

// hash returns a node's hash, or nil where there is none or it ran out.
func (s *server) hash(id string) *hash {
	h := s.hashes[id]
	if h != nil && s.clockMS() > h.expires {
		delete(s.hashes, id)
		return nil
	}
	return h
}

// alive reports whether a node has a hash with a record.
func (s *server) alive(id string) bool {
	h := s.hash(id)
	return h != nil && h.gone == ""
}

// behind reports whether the index has an earlier lease end than the hash of a node, which
// was renewed by its hash alone while the slot moved.
func (s *server) behind(id string) bool {
	h := s.hash(id)
	return h != nil && h.expires != s.index[id]
}

// ids returns the members of the index.
func (s *server) ids() []string { return slices.Sorted(maps.Keys(s.index)) }

// An end is one entry of the index.
type end struct {
	id string
	at int64 // ms
}

// ends returns the index by score.
func (s *server) ends() []end {
	var ends []end
	for id, at := range s.index {
		ends = append(ends, end{id, at})
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return ends
}

// members reads some nodes, as a page of a snapshot does.
func (s *server) members(ids []string) []Member {
	members := make([]Member, len(ids))
	for i, id := range ids {
		members[i].ID = id
		if h := s.hash(id); h != nil && h.gone == "" {
			members[i].Lease, members[i].Rev, members[i].Data = h.lease, h.rev, h.data
		}
	}
	return members
}

// reached notes where the server is now.
func (s *server) reached() { s.been = append(s.been, s.version) }

// flush loses everything: FLUSHALL, or a restart without data.
func (s *server) flush() {
	clear(s.index)
	clear(s.hashes)
	clear(s.overrides)
	s.version, s.log, s.retires = Point{}, nil, 0
	s.reached()
}

// keep has index, version and log expire so long after the last lease ends that
// every reader has seen the end, or in the time that a history is kept for where
// the service has no node left.
func (s *server) keep() {
	ends := s.ends()
	s.retires = s.clockMS() + s.w.plan.retired.Milliseconds()
	if len(ends) > 0 {
		outlives := s.outlives()
		s.retires = max(s.clockMS(), ends[len(ends)-1].at) + outlives + outlives/24
	}
}

// extended keeps what would end too soon after a lease that was just extended.
func (s *server) extended() {
	if !s.w.isOff(ruleKept) && s.retires < s.clockMS()+s.w.ttl.Milliseconds()+s.outlives() {
		s.keep()
	}
}

// outlives is how long the keys outlive the last lease at least, ms. A day is longer
// than a reader or a moving slot takes, and so is this.
func (s *server) outlives() int64 { return (s.w.plan.retired + 2*s.w.ttl).Milliseconds() }

// expire loses index, version and log when their time has come.
func (s *server) expire() {
	if s.retires == 0 || s.clockMS() <= s.retires {
		return
	}
	s.retires, s.log = 0, nil
	if s.version != (Point{}) {
		s.w.note("%s: index %v, version and log expire at rev %d", s.name, s.ids(), s.version.Rev)
		s.evictVersion()
		s.w.expired(s)
	}
	clear(s.index)
}

// evictVersion loses the version alone.
func (s *server) evictVersion() {
	s.version = Point{}
	s.reached()
}

// publish sends an event to every subscriber, and to those of its replicas.
func (s *server) publish(e record.Event) {
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(sub *subscription) bool { return sub.closed })
	for _, sub := range s.subscriptions {
		sub.send(e.Tag, sub.of.excuse, func() { sub.of.event(e) })
	}
	for _, d := range s.demoted {
		d.publish(e)
	}
}

// publishLive sends a message that nodes live, as publish does.
func (s *server) publishLive(l record.Live) {
	for _, sub := range s.subscriptions {
		sub.send("live", sub.of.lostLive, func() { sub.of.live(l) })
	}
	for _, d := range s.demoted {
		d.publishLive(l)
	}
}

// publishesTo reports whether a subscription brings what s publishes.
func (s *server) publishesTo(sub *subscription) bool {
	through := func(d *server) bool { return d.publishesTo(sub) }
	return !sub.closed && !sub.broken && (sub.server == s || slices.ContainsFunc(s.demoted, through))
}
