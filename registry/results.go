package registry

import (
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// results returns the results of a change that a watcher gets. A node that moves to another
// version leaves one service and joins another.
func results(f *informer.Feed, c replica.Change) []*Result {
	switch c.Action {
	case replica.Create:
		return []*Result{result(f, Create, c.Node, c.Point, c.Time)}
	case replica.Delete:
		return []*Result{result(f, Delete, c.Node, c.Point, c.Time)}
	}
	if c.Before != nil {
		return []*Result{
			result(f, Delete, *c.Before, c.Point, c.Time),
			result(f, Create, c.Node, c.Point, c.Time),
		}
	}
	return []*Result{result(f, Update, c.Node, c.Point, c.Time)}
}

// result makes a Result that shares nothing with others: its user may change it.
func result(f *informer.Feed, a Action, n replica.Node, p replica.Point, at time.Time) *Result {
	s := serviceVersion{f.Service().Namespace(), f.Service().Name(), n.Record.Version}.service()
	s.describe(*n.Record)
	s.Nodes = []*Node{fromRecord(n.ID, *n.Record)}
	s.Metadata, s.Nodes[0].Metadata = maps.Clone(s.Metadata), maps.Clone(s.Nodes[0].Metadata)
	for _, e := range s.Endpoints {
		e.Metadata = maps.Clone(e.Metadata)
	}
	return &Result{Action: a, Service: s, Timestamp: at, Revision: p.Rev, History: p.Epoch}
}

// coalesce leaves of the results of each node of a version only what a consumer
// that has seen none of them needs: the last state, at the place of the last result.
func coalesce(pending []*Result) []*Result {
	type subject struct{ namespace, name, version, id string }
	net := map[subject]*Result{} // nil: it came and went
	var kept []*Result
	for _, r := range slices.Backward(pending) {
		k := subject{r.Service.Namespace, r.Service.Name, r.Service.Version, r.Service.Nodes[0].ID}
		last, later := net[k]
		if !later {
			merged := *r
			net[k] = &merged
			kept = append(kept, &merged)
			continue
		}
		// r is older than last: what it did, last must still do.
		switch {
		case r.Action == Create && last.Action == Delete:
			last.Action = vanished
		case r.Action == Create:
			last.Action = Create
		case r.Action == Delete && last.Action != Delete && last.Action != vanished:
			last.Action = Update
		case last.Action == vanished:
			last.Action = Delete
		}
	}
	slices.Reverse(kept)
	return slices.DeleteFunc(kept, func(r *Result) bool { return r.Action == vanished })
}

// vanished marks, while coalescing, a node that came and went unseen.
const vanished Action = -1
