package lua

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// foreign puts a text in the place of the override of a node.
func (s *stage) foreign(id, override string) {
	s.Helper()
	s.set(s.server.client.HSet(s.Context(), s.svc.Override(), id, override).Err())
}

// lasts wants the override of a to end in so many hours, and its hash with it.
func (s *stage) lasts(hours int) {
	s.Helper()
	override := s.dump()[s.svc.Override()]
	var until int64
	if _, err := fmt.Sscanf(override.Fields["a"], "status %d", &until); err != nil {
		s.Fatalf("override %q: %v", override.Fields["a"], err)
	}
	if left := time.Until(time.UnixMilli(until)); left.Round(time.Hour) != time.Duration(hours)*time.Hour {
		s.Errorf("it ends in %v, want %d hours", left, hours)
	}
	if want := fmt.Sprintf("%dm", hours*60); override.Expires != want {
		s.Errorf("the hash expires in %s, want %s", override.Expires, want)
	}
}

// TestOverrideEnds plays when an override ends, and what becomes of one that has ended. The
// times differ from server to server, so the transcripts are not compared.
func TestOverrideEnds(t *testing.T) {
	for _, srv := range []*server{fake(t), standalone(t), cluster(t)} {
		for _, sc := range overrideEndScenarios {
			t.Run(srv.name+"/"+sc.rule, func(t *testing.T) { sc.play(newStage(t, srv, sc.rule)) })
		}
	}
}

var overrideEndScenarios = []scenario{
	{
		rule: "override that had an end is set again without one",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			drain := OverrideCall{ID: "a", Bound: true, Aspects: []Aspect{status(drained)}}
			short := drain
			short.Until = time.Now().Add(time.Hour)
			s.operate(short).is(Done)
			s.lasts(1)
			s.operate(drain).is(Done)
			s.lasts(30 * 24)
			s.operate(drain).is(Quiet)
			s.operate(short).is(Done)
			s.lasts(1)
		},
	},
	{
		rule: "override without an end is set again after a day: its 30 days begin anew",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			set := time.Now().Add(-25 * time.Hour).UnixMilli()
			s.foreign("a", fmt.Sprintf("status %d %d %s %s", set+30*24*time.Hour.Milliseconds(), set, ours, drained))
			s.operate(OverrideCall{ID: "a", Bound: true, Aspects: []Aspect{status(drained)}}).is(Done)
			s.lasts(30 * 24)
		},
	},
	{
		rule: "override that has ended is deleted where it is undone",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			for _, undo := range []Aspect{status(""), {Name: "*"}} {
				for _, past := range []string{"status 1 1 - " + drained, "status 0 1 " + older + " " + drained} {
					s.foreign("a", past)
					s.operate(OverrideCall{ID: "a", Aspects: []Aspect{undo}}).is(Done)
					s.overridden()
					s.operate(OverrideCall{ID: "a", Aspects: []Aspect{undo}}).is(Quiet)
				}
			}
		},
	},
	{
		rule: "override beside lines that no reader takes is set",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			huge := "status " + strings.Repeat("9", 400) + " 1 - " + drained
			s.foreign("b", huge)
			s.foreign("c", "?")
			s.foreign("a", huge+"\n?\n\n")
			s.override("a", drained).is(Done)
			if got := plain(s.dump()[s.svc.Override()].Fields["a"]); got != drained {
				s.Errorf("override %q", got)
			}
		},
	},
}
