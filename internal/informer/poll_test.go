package informer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-go/rollcall/internal/replica"
)

// askedEnds is how many lease ends the polls of these tests were to read.
const askedEnds = 32

// parseOne reads the answer to the EXEC of one poll.
func parseOne(answer []any, err error, ends int) pollResult {
	return parsePolls([]pollRequest{{ends: ends}}, answer, err)[0]
}

// What EXEC answers to a poll, in the shapes of both protocols.
func TestParsePoll(t *testing.T) {
	version := "e 7 t"
	at := replica.Point{Epoch: "e", Rev: 7, Tag: "t"}
	clock := []any{"100", "250000"}
	at100 := replica.Answer{Now: time.Unix(100, 250_000_000)}
	full := make([]any, 0, 2*askedEnds) // as many as a poll reads, all of which have ended
	var ended []string
	for i := range askedEnds {
		id := fmt.Sprint("n", i)
		full, ended = append(full, id, "1000"), append(ended, id)
	}
	// ends are the lease ends in an answer: member, ms, member, ms...
	ends := func(answer ...any) (read []leaseEnd) {
		for pair := range slices.Chunk(answer, 2) {
			read = append(read, leaseEnd{pair[0].(string), time.UnixMilli(int64(pair[1].(int)))})
		}
		return read
	}
	var allEnded []leaseEnd
	for _, id := range ended {
		allEnded = append(allEnded, ends(id, 1000)...)
	}
	for _, tc := range []struct {
		name   string
		answer []any
		want   pollResult
	}{
		{"no service", []any{nil, int64(0), []any{}, clock}, pollResult{Poll: replica.Poll{Answer: at100}}},
		{"an empty version", []any{"", int64(0), []any{}, clock}, pollResult{Poll: replica.Poll{Answer: at100}}},
		{
			"flat",
			[]any{version, int64(2), []any{"a", "99000", "b%2F", "101500"}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: 2, Overdue: []string{"a"}, Next: time.UnixMilli(101_500), Answer: at100}, earliest: ends("a", 99_000, "b%2F", 101_500)},
		},
		{
			"in pairs",
			[]any{version, int64(2), []any{[]any{"a", 99_000.0}, []any{"b", 101_500.0}}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: 2, Overdue: []string{"a"}, Next: time.UnixMilli(101_500), Answer: at100}, earliest: ends("a", 99_000, "b", 101_500)},
		},
		{
			"ended a millisecond ago",
			[]any{version, int64(1), []any{"a%2F", "100249"}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: 1, Overdue: []string{"a/"}, Answer: at100}, earliest: ends("a%2F", 100_249)},
		},
		{
			"in the millisecond of its end",
			[]any{version, int64(1), []any{"a", "100250"}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: 1, Next: time.UnixMilli(100_250), Answer: at100}, earliest: ends("a", 100_250)},
		},
		{
			"a foreign member",
			[]any{version, int64(2), []any{"a b", "1", "c", "2"}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: 2, Overdue: []string{"c"}, Answer: at100}, earliest: ends("a b", 1, "c", 2)},
		},
		{
			"more than it reads",
			[]any{version, int64(askedEnds + 1), full, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: askedEnds + 1, Overdue: ended, Crowded: true, Answer: at100}, earliest: allEnded},
		},
		{
			"as many as it reads",
			[]any{version, int64(askedEnds), full, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: askedEnds, Overdue: ended, Answer: at100}, earliest: allEnded},
		},
		{
			"more, which have time",
			[]any{version, int64(askedEnds + 1), []any{"a", "1", "b", "200000"}, clock},
			pollResult{Poll: replica.Poll{Point: at, Members: askedEnds + 1, Overdue: []string{"a"}, Next: time.UnixMilli(200_000), Answer: at100}, earliest: ends("a", 1, "b", 200_000)},
		},
		{"a clock of numbers", []any{version, int64(0), []any{}, []any{int64(100), int64(250_000)}}, pollResult{Poll: replica.Poll{Point: at, Answer: at100}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := parseOne(tc.answer, nil, askedEnds)
			if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(pollResult{}, leaseEnd{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestParsePollRefuses(t *testing.T) {
	version, clock := "e 7 t", []any{"100", "250000"}
	refused := errors.New("NOPERM")
	for name, answer := range map[string][]any{
		"nothing":             nil,
		"too little":          {version, int64(0), []any{}},
		"a foreign version":   {[]any{"e 7 t"}, int64(0), []any{}, clock},
		"a version of two":    {"e 7", int64(0), []any{}, clock},
		"no revision":         {"e seven t", int64(0), []any{}, clock},
		"no count":            {version, "0", []any{}, clock},
		"no members":          {version, int64(0), "a", clock},
		"no clock":            {version, int64(0), []any{}, nil},
		"a clock of words":    {version, int64(0), []any{}, []any{"noon", "0"}},
		"a clock of one part": {version, int64(0), []any{}, []any{"100"}},
		"a refused command":   {version, refused, []any{}, clock},
		"a refused clock":     {version, int64(0), []any{}, refused},
	} {
		if l := parseOne(answer, nil, askedEnds); l.err == nil {
			t.Errorf("%s: %+v, want an error", name, l)
		}
	}
	if l := parseOne([]any{version, int64(0), refused, clock}, nil, askedEnds); !errors.Is(l.err, refused) {
		t.Errorf("a refused command: %v", l.err)
	}
	if l := parseOne(nil, refused, askedEnds); !errors.Is(l.err, refused) {
		t.Errorf("a refused EXEC: %v", l.err)
	}
}

// Polls that share a MULTI share its clock, and each reads as much as it was asked to.
func TestParsePolls(t *testing.T) {
	wrong := errors.New("WRONGTYPE")
	requests := []pollRequest{{}, {ends: 1}, {}, {}}
	answer := []any{"e 7 t", int64(2), "e 8 u", int64(1), []any{"a", "101500"}, wrong, int64(3), nil, int64(0), []any{"100", "0"}}
	at := replica.Answer{Now: time.Unix(100, 0)}
	want := []pollResult{
		{Poll: replica.Poll{Point: replica.Point{Epoch: "e", Rev: 7, Tag: "t"}, Members: 2, Answer: at}},
		{
			Poll:     replica.Poll{Point: replica.Point{Epoch: "e", Rev: 8, Tag: "u"}, Members: 1, Next: time.UnixMilli(101_500), Answer: at},
			earliest: []leaseEnd{{"a", time.UnixMilli(101_500)}},
		},
		{err: wrong},
		{Poll: replica.Poll{Answer: at}},
	}
	got := parsePolls(requests, answer, nil)
	if d := cmp.Diff(want, got, cmp.AllowUnexported(pollResult{}, leaseEnd{}), cmpopts.EquateEmpty(), cmpopts.EquateErrors()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for j, r := range parsePolls(requests, answer[:7], nil) {
		if r.err == nil {
			t.Errorf("poll %d of an answer that is cut: %+v, want an error", j, r)
		}
	}
}
