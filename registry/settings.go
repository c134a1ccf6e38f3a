package registry

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// settings are the overrides that a history has seen set, neither undone nor ended since. No
// script writes that an override ended: readers find it out by Redis's clock, and so does this.
type settings map[settingKey]setting

type settingKey struct{ node, aspect string }

// A setting is one aspect of an override.
type setting struct {
	set   HistoryEntry
	text  string    // "status draining"
	until time.Time // zero: no end of its own
	bound bool      // to the process of the entry
}

// longestBound is how long an override lasts that is bound to a process and was given no end:
// the 30 days of override.lua.
const longestBound = 30 * 24 * time.Hour

// take notes what an entry of the log set or undid.
func (s settings) take(e logged, h HistoryEntry) {
	if len(e.note.Set) == 0 {
		maps.DeleteFunc(s, func(k settingKey, _ setting) bool {
			return k.node == h.Node && (len(e.note.Undone) == 0 || slices.Contains(e.note.Undone, k.aspect))
		})
	}
	bound := h.Node != keys.AllNodes && !e.note.Stay && h.Lease != ""
	var until time.Time
	switch {
	case e.note.Until > 0:
		until = time.UnixMilli(e.note.Until).UTC()
	case bound:
		until = h.Time.Truncate(time.Millisecond).Add(longestBound)
	}
	for aspect, value := range e.note.Set {
		s[settingKey{h.Node, aspect}] = setting{h, describeSet(aspect, value), until, bound}
	}
}

// endBy takes out what has ended by a time, and returns its entries for the history, the oldest
// first.
func (s settings) endBy(now time.Time) []HistoryEntry {
	return s.end("its time is over", func(_ string, t setting) (time.Time, bool) {
		return t.until, !t.until.IsZero() && !t.until.After(now)
	})
}

// endWith does so for what was bound to a process that has deregistered a node, or has lost it to
// an operator or to another process. It is not asked of a lease that only ran out: it may come back.
func (s settings) endWith(h HistoryEntry) []HistoryEntry {
	gone := h.Kind == ChangeDeregistered || h.Kind == ChangeRemoved
	return s.end("its process has the node no more", func(node string, t setting) (time.Time, bool) {
		return h.Time, node == h.Node && t.bound && (gone || t.set.Lease != h.Lease)
	})
}

// end takes out the settings that are over, and returns an entry for all that were set together
// and ended together.
func (s settings) end(why string, over func(node string, t setting) (time.Time, bool)) (ended []HistoryEntry) {
	type act struct {
		node     string
		set, end time.Time
	}
	texts, acts := map[act][]string{}, map[act]HistoryEntry{}
	for k, t := range s {
		end, ok := over(k.node, t)
		if !ok {
			continue
		}
		delete(s, k)
		a := act{k.node, t.set.Time, end}
		acts[a], texts[a] = t.set, append(texts[a], t.text)
	}
	for a, set := range acts {
		slices.Sort(texts[a])
		ended = append(ended, HistoryEntry{
			Kind: ChangeEnded, Node: set.Node, Time: a.end, Lease: set.Lease, By: set.By, Reason: set.Reason,
			Detail: strings.Join(texts[a], ", ") + ": " + why,
		})
	}
	slices.SortFunc(ended, func(a, b HistoryEntry) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Node, b.Node), strings.Compare(a.Detail, b.Detail))
	})
	return ended
}
