// Package statelog logs how the states of registrations change, in few lines: one for all
// nodes with the same change for the same reason, and one a minute while callers may miss
// nodes.
package statelog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A Change is one of a node's state.
type Change struct {
	Service    keys.Service
	Node       string
	Was, State lifecycle.State
	Process    string // our lease of the node; "" where there is none
	Cause      string // why; "" if there is nothing to say
	Holder     string // the process that has the node, if another one has taken it over
}

type nodeKey struct {
	service keys.Service
	node    string
}

// awayStates are those that are Away. Each is an episode: lines when it begins, one a minute,
// and one when it ends.
var awayStates = []lifecycle.State{lifecycle.Lost, lifecycle.Withheld, lifecycle.Superseded, lifecycle.Removed}

// A Log collects changes, and logs them when Write is called. Its user guards it by a mutex.
type Log struct {
	report   *reporter.Reporter
	changes  []Change // not logged yet
	episodes [lifecycle.States]logs.Episode
	away     [lifecycle.States]map[nodeKey]Change // the nodes in each of awayStates
	counts   map[keys.Service]Counts
}

// Counts are how many nodes of a service are in each state. Those that are pending or have
// left are not counted.
type Counts [lifecycle.States]int

// New returns a Log that writes by report.
func New(report *reporter.Reporter) *Log {
	l := &Log{report: report, counts: map[keys.Service]Counts{}}
	for _, s := range awayStates {
		l.away[s] = map[nodeKey]Change{}
	}
	return l
}

// Add adds a change, for the next Write.
func (l *Log) Add(c Change) {
	l.changes = append(l.changes, c)
	counts := l.counts[c.Service]
	if c.Was != lifecycle.Pending {
		counts[c.Was]--
	}
	if c.State != lifecycle.Left {
		counts[c.State]++
	}
	if l.counts[c.Service] = counts; counts == (Counts{}) {
		delete(l.counts, c.Service)
	}
}

// Counts returns the counts of each service that has any.
func (l *Log) Counts() map[keys.Service]Counts { return maps.Clone(l.counts) }

// Write logs the changes that were added: one line for all nodes that have come to the same
// state for the same reason, and one for all that are lost. Nodes that are lost and back
// between two calls are one line. It says whether callers may miss one of the nodes.
func (l *Log) Write(now time.Time) (away bool) {
	type fact struct {
		was, state lifecycle.State
		cause      string
	}
	byFact := map[fact][]Change{}
	var facts []fact
	var lost logs.Note
	var ended [lifecycle.States]logs.Note // of the last that came back, if none has gone since
	for _, c := range l.changes {
		f := fact{c.Was, c.State, c.Cause}
		if byFact[f] == nil {
			facts = append(facts, f)
		}
		byFact[f] = append(byFact[f], c)
		away = away || c.State.Away()
		key, id := nodeKey{c.Service, c.Node}, c.Service.String()+"/"+c.Node
		for _, s := range awayStates {
			switch {
			case s == c.State:
				l.away[s][key] = c
				if note := l.episodes[s].Failed(id, now); s == lifecycle.Lost {
					lost = logged(lost, note)
				}
				ended[s] = logs.Note{}
			case s == lifecycle.Lost && c.State == lifecycle.Withheld: // it is not back
				delete(l.away[s], key)
			default:
				delete(l.away[s], key)
				ended[s] = logged(ended[s], l.episodes[s].Recovered(id, now))
			}
		}
	}
	l.changes = nil
	brief := lost.Phase == logs.Began && ended[lifecycle.Lost].Phase == logs.Ended
	for _, f := range facts {
		if f.state == lifecycle.Lost && lost.Phase == logs.Nothing || f.state == lifecycle.Live && f.was == lifecycle.Lost {
			continue
		}
		level, text := line(f.was, f.state)
		if f.state == lifecycle.Lost {
			lost.Phase = logs.Nothing // one line for all of them
			if brief {
				text = "rollcall: redis had lost nodes, and each is registered again, or deregistered since. If this repeats, look for FLUSHALL, an eviction or a failover"
			}
		}
		of := byFact[f]
		l.report.Log(level, func(e *zerolog.Event) {
			if level >= zerolog.WarnLevel {
				e.Str("since", now.Format(time.RFC3339))
			}
			describe(e, of, f.cause).Msg(text)
		})
	}
	for state, text := range map[lifecycle.State]string{
		lifecycle.Lost:       "rollcall: no node is lost any more: each is registered again, or deregistered",
		lifecycle.Superseded: "rollcall: this process has given up the nodes that were taken over, and the other process keeps them",
		lifecycle.Removed:    "rollcall: this process has given up the nodes that an operator removed",
	} {
		if note := ended[state]; note.Phase == logs.Ended && !(state == lifecycle.Lost && brief) {
			l.report.Warn(func(e *zerolog.Event) { e.EmbedObject(note).Msg(text) })
		}
	}
	return away
}

// Remind logs once a minute which nodes callers may miss, and what brings them back. It
// returns when there is more to say.
func (l *Log) Remind(now time.Time) (next time.Time) {
	next = now.Add(time.Hour)
	for _, state := range awayStates {
		note := l.episodes[state].Remind(now)
		if at := l.episodes[state].Next(); !at.IsZero() {
			next = actor.Earlier(next, at)
		}
		if note.Phase == logs.Nothing || len(l.away[state]) == 0 {
			continue
		}
		of := slices.SortedFunc(maps.Values(l.away[state]), func(a, b Change) int { return cmp.Compare(a.Node, b.Node) })
		_, text := line(lifecycle.Live, state)
		l.report.Warn(func(e *zerolog.Event) {
			describe(e.EmbedObject(note).Int("count", len(of)), of, of[0].Holder).
				Msg(strings.Replace(text, "rollcall: ", "rollcall: still: ", 1))
		})
	}
	return next
}

// logged returns which of two notes is worth a line.
func logged(a, b logs.Note) logs.Note {
	if b.Phase != logs.Nothing {
		return b
	}
	return a
}

// line returns the level and the text for a change of state.
func line(was, state lifecycle.State) (zerolog.Level, string) {
	switch {
	case state == lifecycle.Lost:
		return zerolog.WarnLevel, "rollcall: nodes are lost: callers may no longer find them; they are registered again as soon as redis takes it"
	case state == lifecycle.Withheld:
		return zerolog.WarnLevel, "rollcall: a check fails, so leases are not renewed: callers lose the nodes when the leases end"
	case state == lifecycle.Superseded:
		return zerolog.WarnLevel, "rollcall: another process has taken nodes over under the same id, and this one does not renew them any more. That stays so when the other process ends, and then no process serves the id: to take nodes back, restart this process (in Go, Deregister and then Register do the same); give each process an id of its own"
	case state == lifecycle.Removed:
		return zerolog.WarnLevel, "rollcall: an operator removed nodes, and they are not renewed any more: to bring them back, restart this process (in Go, Deregister and then Register do the same)"
	case state == lifecycle.Live && was == lifecycle.Withheld:
		return zerolog.WarnLevel, "rollcall: a check passes again, and leases are renewed"
	case state == lifecycle.Live:
		return zerolog.InfoLevel, "rollcall: nodes are registered"
	default:
		return zerolog.InfoLevel, "rollcall: nodes are deregistered"
	}
}

// describe adds which nodes of which services, and why.
func describe(e *zerolog.Event, of []Change, cause string) *zerolog.Event {
	first := of[0]
	if cause != "" {
		e = e.Str("error", cause)
	}
	services := map[keys.Service]bool{}
	var ids []string
	for _, c := range of {
		services[c.Service] = true
		ids = append(ids, c.Node)
	}
	if e = e.Str("namespace", first.Service.Namespace()).Str("service", first.Service.Name()); len(services) > 1 {
		e = e.Int("services", len(services))
	}
	if first.Process != "" && len(of) == 1 {
		e = e.Str("process", first.Process)
	}
	return e.Strs("nodes", reporter.Some(ids)).Stringer("state", first.State)
}
