package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A report is what came of a run. Its methods are pure.
type report struct {
	changes []change
	tallies map[string]tally
}

// A change is one node's, and when the client knew of it.
type change struct {
	node, verb  string
	there       bool          // after the change
	crash       bool          // the node could not deregister
	made, known time.Time     // known is zero if it never came to be known
	soon        time.Duration // allowed between the two
}

func (c change) took() time.Duration { return c.known.Sub(c.made) }

func (c change) text() string {
	if c.known.IsZero() {
		return fmt.Sprintf("%s %s: the client does not know", c.node, c.verb)
	}
	return fmt.Sprintf("%s %s: the client knows after %s", c.node, c.verb, round(c.took()))
}

// calls counts the calls in one line.
func (r report) calls() string {
	var parts []string
	tries := 0
	for _, node := range slices.Sorted(maps.Keys(r.tallies)) {
		t := r.tallies[node]
		if t.answered > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", node, t.answered))
		}
		if node != "" {
			tries += t.failed
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("failed %d, tried again %d", r.tallies[""].failed, tries)), ", ")
}

// problems says what did not happen as it should.
func (r report) problems() []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	gone := make(map[string]change)
	for _, c := range r.changes {
		switch {
		case c.known.IsZero():
			add("%s %s, and the client never knew", c.node, c.verb)
		case c.took() > c.soon:
			add("%s %s, and the client knew after %s, allowed are %s", c.node, c.verb, round(c.took()), c.soon)
		}
		if c.there && r.tallies[c.node].answered == 0 {
			add("%s answered no call", c.node)
		}
		if !c.there && !c.known.IsZero() {
			gone[c.node] = c
		}
	}
	for _, node := range slices.Sorted(maps.Keys(r.tallies)) {
		t := r.tallies[node]
		c, isGone := gone[node]
		// A pick may be under way when the view changes.
		if isGone && t.lastPick.After(c.known.Add(underWay)) {
			add("%s was picked %s after the client knew that it %s", node, round(t.lastPick.Sub(c.known)), c.verb)
		}
		if t.failed > 0 && (!c.crash || t.firstFailure.Before(c.made) || t.lastFailurePick.After(c.known.Add(underWay))) {
			add("%s failed %d calls, not only while it was dead and still known: %s", nameOf(node), t.failed, reasons(t))
		}
	}
	return all
}

func nameOf(node string) string {
	if node == "" {
		return "no node"
	}
	return node
}

func reasons(t tally) string {
	var all []string
	for _, why := range slices.Sorted(maps.Keys(t.why)) {
		all = append(all, fmt.Sprintf("%d x %s", t.why[why], why))
	}
	return strings.Join(all, ", ")
}

// round keeps what a person reads of a duration.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
