package registry

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// view returns the view of a feed, made once for each state of it. What has not changed
// since the view before is shared with it: a change costs little more than a copy of a list.
func view(f *informer.Feed) *View {
	kept, _ := f.View.(*keptView)
	if kept != nil && !f.Stale {
		return kept.view
	}
	if kept != nil {
		kept = kept.after(f.Service(), f.Changes)
	}
	if kept == nil {
		kept = newKeptView(f.Service(), f.Nodes())
	}
	return kept.keep(f)
}

// firstView makes the view of a feed of its first nodes, whose records have just been read. It
// does nothing where there are others.
func firstView(f *informer.Feed, changes []replica.Change) {
	if f.View != nil || len(changes) != f.Shown() {
		return
	}
	nodes := make([]replica.Node, len(changes))
	for i, c := range changes {
		if c.Action != replica.Create {
			return
		}
		nodes[i] = c.Node
	}
	slices.SortFunc(nodes, func(a, b replica.Node) int { return strings.Compare(a.ID, b.ID) })
	newKeptView(f.Service(), nodes).keep(f)
}

// keep makes the view, and has the feed keep what it was made of.
func (k *keptView) keep(f *informer.Feed) *View {
	k.view = k.newView(f)
	f.Keep(k)
	return k.view
}

// A keptView is what a feed keeps of the newest view, to make the next one.
type keptView struct {
	view     *View
	services []*Service            // by version; each is shared with views
	newest   map[string]*described // by version
}

// described says which node describes a version: the one with the highest revision.
type described struct {
	id  string
	rev uint64
}

func newKeptView(name keys.Service, nodes []replica.Node) *keptView {
	k := &keptView{newest: map[string]*described{}}
	versions := map[string]*Service{}
	for _, n := range nodes {
		s := versions[n.Record.Version]
		if s == nil {
			s = serviceVersion{name.Namespace(), name.Name(), n.Record.Version}.service()
			versions[n.Record.Version] = s
			k.services = append(k.services, s)
		}
		s.Nodes = append(s.Nodes, fromRecord(n.ID, *n.Record))
		k.describe(s, n)
	}
	slices.SortFunc(k.services, byVersion)
	return k
}

// describe has a node describe its version, if no node with a higher revision does.
func (k *keptView) describe(s *Service, n replica.Node) {
	d := k.newest[s.Version]
	if d == nil {
		d = &described{}
		k.newest[s.Version] = d
	}
	if n.Rev >= d.rev {
		d.id, d.rev = n.ID, n.Rev
		s.describe(*n.Record)
	}
}

// after returns what to keep after some changes, or nil if it has to be made
// anew: if a node that describes its version has left it. It does not change what earlier
// views share.
func (k *keptView) after(name keys.Service, changes []replica.Change) *keptView {
	next := &keptView{services: slices.Clone(k.services), newest: k.newest}
	copied := map[string]bool{} // versions whose Service is no longer shared
	for _, c := range changes {
		if c.Action == replica.Delete && !next.remove(c.Node, copied) {
			return nil
		}
		if c.Before != nil && !next.remove(*c.Before, copied) {
			return nil
		}
		if c.Action != replica.Delete {
			next.put(name, c.Node, copied)
		}
	}
	return next
}

// own returns a version that may be changed, and where it is; nil if there is none.
func (k *keptView) own(version string, copied map[string]bool) (s *Service, at int) {
	at, found := slices.BinarySearchFunc(k.services, version, func(s *Service, v string) int { return strings.Compare(s.Version, v) })
	if !found {
		return nil, at
	}
	if !copied[version] {
		c := *k.services[at]
		c.Nodes = slices.Clone(c.Nodes)
		k.services[at], copied[version] = &c, true
	}
	return k.services[at], at
}

// remove takes a node out of its version. It returns false if the node describes it and
// others are left.
func (k *keptView) remove(n replica.Node, copied map[string]bool) bool {
	s, at := k.own(n.Record.Version, copied)
	if s == nil {
		return false
	}
	i, found := findNode(s, n.ID)
	switch {
	case !found:
		return false
	case len(s.Nodes) == 1:
		k.services = slices.Delete(k.services, at, at+1)
		delete(k.newest, s.Version)
		return true
	}
	s.Nodes = slices.Delete(s.Nodes, i, i+1)
	return k.newest[s.Version].id != n.ID
}

// put adds a node to its version, or replaces it there.
func (k *keptView) put(name keys.Service, n replica.Node, copied map[string]bool) {
	s, at := k.own(n.Record.Version, copied)
	if s == nil {
		s = serviceVersion{name.Namespace(), name.Name(), n.Record.Version}.service()
		k.services, copied[s.Version] = slices.Insert(k.services, at, s), true
	}
	node := fromRecord(n.ID, *n.Record)
	if i, found := findNode(s, n.ID); found {
		s.Nodes[i] = node
	} else {
		s.Nodes = slices.Insert(s.Nodes, i, node)
	}
	k.describe(s, n)
}

func findNode(s *Service, id string) (int, bool) {
	return slices.BinarySearchFunc(s.Nodes, id, func(n *Node, id string) int { return strings.Compare(n.ID, id) })
}

// newView returns the view of what is kept.
func (k *keptView) newView(f *informer.Feed) *View {
	at, health := f.At(), f.Health()
	v := &View{
		Services: k.services, Held: f.Held(), Revision: at.Rev, History: at.Epoch,
		StaleSince: health.StaleSince, Err: health.Err,
	}
	if health.Refusal != (replica.Refusal{}) {
		why := errors.New(health.Refusal.Why)
		v.RefusedSince, v.Refused = health.RefusedSince, cmp.Or(redisconn.Remedied(why, why.Error()), redisconn.Classify(why))
	}
	for _, l := range f.Lapses() {
		v.Lapsed = append(v.Lapsed, Lapse{result(f, Delete, l.Node, l.Point, l.Time).Service, l.Time})
	}
	return v
}
