package guard

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

const guardTTL = 10 * time.Second

// A fleet is a service as a source shows it: a model to drive a guard by.
type fleet struct {
	began  time.Time
	live   map[string]bool
	lapsed map[string]registry.Lapse
	stale  bool

	answered map[string]time.Time
	failing  map[string]bool
}

func (f *fleet) calls(n *registry.Node) (answered time.Time, failing bool) {
	return f.answered[n.ID], f.failing[n.ID]
}

// forget forgets who ran out, as a source may after a TTL.
func (f *fleet) forget(now time.Time) {
	maps.DeleteFunc(f.lapsed, func(_ string, l registry.Lapse) bool { return now.Sub(l.Time) > guardTTL })
}

// version keeps capitals apart.
func (f *fleet) version(id string) string {
	if id < "a" {
		return "2"
	}
	return ""
}

func newFleet(n int) *fleet {
	f := &fleet{
		began: time.Unix(1000, 0), live: map[string]bool{}, lapsed: map[string]registry.Lapse{},
		answered: map[string]time.Time{}, failing: map[string]bool{},
	}
	for i := range n {
		f.live[string(rune('a'+i))] = true
	}
	return f
}

func (f *fleet) service(version string, ids ...string) *registry.Service {
	s := &registry.Service{Name: "shop", Version: version, TTL: guardTTL}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: id + ":80"})
	}
	return s
}

// lapse has a node run out, found so long after the beginning.
func (f *fleet) lapse(id string, at time.Duration) {
	delete(f.live, id)
	f.lapsed[id] = registry.Lapse{Service: f.service(f.version(id), id), Time: f.began.Add(at)}
}

func (f *fleet) register(id string) {
	f.live[id] = true
	delete(f.lapsed, id)
}

func (f *fleet) view() *registry.View {
	v := &registry.View{}
	versions := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(f.live)) {
		versions[f.version(id)] = append(versions[f.version(id)], id)
	}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		v.Services = append(v.Services, f.service(version, versions[version]...))
	}
	v.Lapsed = slices.Collect(maps.Values(f.lapsed)) // of one time in any order, as a source does
	if f.stale {
		v.StaleSince = f.began
	}
	return v
}

func shownBy(g Shown) string {
	var all []string
	for _, s := range g.Services {
		for _, n := range s.Nodes {
			all = append(all, s.Version+n.ID)
		}
	}
	return strings.Join(all, "")
}
