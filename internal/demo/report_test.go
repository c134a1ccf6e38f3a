package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var t0 = time.Unix(1000, 0)

func at(d time.Duration) time.Time { return t0.Add(d) }

// good is the report of a run in which all went well.
func good() report {
	return report{
		changes: []change{
			{node: "node-1", verb: "joins", there: true, made: at(0), known: at(50 * time.Millisecond), soon: soon},
			{node: "node-2", verb: "drains", made: at(time.Second), known: at(1100 * time.Millisecond), soon: soon},
			{node: "node-3", verb: "is killed", crash: true, made: at(2 * time.Second), known: at(4512 * time.Millisecond), soon: 4 * time.Second},
		},
		tallies: map[string]tally{
			"node-1": {answered: 30, lastPick: at(9 * time.Second)},
			"node-2": {answered: 20, lastPick: at(1190 * time.Millisecond)},
			"node-3": {
				answered: 10, failed: 3, lastPick: at(4500 * time.Millisecond),
				why:          map[string]int{"connection refused": 2, "EOF": 1},
				firstFailure: at(2010 * time.Millisecond), lastFailurePick: at(4500 * time.Millisecond),
			},
		},
	}
}

func TestProblems(t *testing.T) {
	with := func(node string, f func(*tally)) func(*report) {
		return func(r *report) {
			t := r.tallies[node]
			f(&t)
			r.tallies[node] = t
		}
	}
	cases := map[string]struct {
		spoil func(*report)
		want  string // "" means no problem
	}{
		"all well":    {func(*report) {}, ""},
		"never known": {func(r *report) { r.changes[0].known = time.Time{} }, "node-1 joins, and the client never knew"},
		"known too late": {
			func(r *report) { r.changes[2].known = at(6001 * time.Millisecond) },
			"node-3 is killed, and the client knew after 4s, allowed are 4s",
		},
		"no answer": {with("node-1", func(t *tally) { t.answered = 0 }), "node-1 answered no call"},
		"picked while it drains": {
			with("node-2", func(t *tally) { t.lastPick = at(2 * time.Second) }),
			"node-2 was picked 900ms after the client knew that it drains",
		},
		"picked although it is gone": {
			with("node-3", func(t *tally) { t.lastPick = at(5 * time.Second) }),
			"node-3 was picked 488ms after the client knew that it is killed",
		},
		"failed before it was killed": {
			with("node-3", func(t *tally) { t.firstFailure = at(0) }),
			"node-3 failed 3 calls, not only while it was dead and still known: 1 x EOF, 2 x connection refused",
		},
		"a live node failed": {
			with("node-1", func(t *tally) { t.failed, t.why = 1, map[string]int{"timeout": 1} }),
			"node-1 failed 1 calls, not only while it was dead and still known: 1 x timeout",
		},
		"a draining node failed": {
			with("node-2", func(t *tally) { t.failed, t.why = 1, map[string]int{"EOF": 1} }),
			"node-2 failed 1 calls, not only while it was dead and still known: 1 x EOF",
		},
		"no server to call": {
			with("", func(t *tally) { t.failed, t.why = 1, map[string]int{"not found": 1} }),
			"no node failed 1 calls, not only while it was dead and still known: 1 x not found",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.spoil(&r)
			if got := strings.Join(r.problems(), "\n"); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	newPrinter(&out).summary(good())
	want := `
summary

  change             the client knew after   allowed
  node-1 joins       50ms                    2s
  node-2 drains      100ms                   2s
  node-3 is killed   2.51s                   4s (lease + 1s)

  calls to   answered   failed tries
  node-1     30         0
  node-2     20         0
  node-3     10         3: 1 x EOF, 2 x connection refused

ok  every change was known in time; no call failed; only tries at the killed node failed, until the client knew
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestSummaryOfAFailure(t *testing.T) {
	r := good()
	r.changes[0].known = time.Time{}
	var out bytes.Buffer
	newPrinter(&out).summary(r)
	for _, want := range []string{"node-1 joins       never ", "\nFAILED  node-1 joins, and the client never knew\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestColoursOnlyWhereTheyAreWanted(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out)
	p.line("view", "node-1")
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("escape codes in %q", &out)
	}
	p.colour = true
	p.line("view", "node-1")
	if !strings.Contains(out.String(), "\x1b[36mview \x1b[0m") {
		t.Errorf("no colour in %q", &out)
	}
}
