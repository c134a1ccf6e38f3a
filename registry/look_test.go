package registry

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

// What EXEC answers to a look, in the shapes of both protocols.
func TestParseLook(t *testing.T) {
	version := []any{"e", "7", "t"}
	at := replica.Point{Epoch: "e", Rev: 7, Tag: "t"}
	clock := []any{"100", "250000"}
	now := time.Unix(100, 250_000_000)
	full := make([]any, 0, 2*lowest) // as many as a look reads, all of which have ended
	var ended []string
	for i := range lowest {
		id := fmt.Sprint("n", i)
		full, ended = append(full, id, "1000"), append(ended, id)
	}
	// ends are the lease ends in an answer: member, ms, member, ms...
	ends := func(answer ...any) (read []scoredMember) {
		for pair := range slices.Chunk(answer, 2) {
			read = append(read, scoredMember{pair[0].(string), time.UnixMilli(int64(pair[1].(int)))})
		}
		return read
	}
	var allEnded []scoredMember
	for _, id := range ended {
		allEnded = append(allEnded, ends(id, 1000)...)
	}
	for _, tc := range []struct {
		name   string
		answer []any
		want   look
	}{
		{"no service", []any{[]any{nil, nil, nil}, int64(0), []any{}, clock}, look{now: now}},
		{"half a version", []any{[]any{"e", "7", nil}, int64(0), []any{}, clock}, look{now: now}},
		{
			"flat",
			[]any{version, int64(2), []any{"a", "99000", "b%2F", "101500"}, clock},
			look{point: at, members: 2, overdue: []string{"a"}, next: time.UnixMilli(101_500), lowest: ends("a", 99_000, "b%2F", 101_500), now: now},
		},
		{
			"in pairs",
			[]any{version, int64(2), []any{[]any{"a", 99_000.0}, []any{"b", 101_500.0}}, clock},
			look{point: at, members: 2, overdue: []string{"a"}, next: time.UnixMilli(101_500), lowest: ends("a", 99_000, "b", 101_500), now: now},
		},
		{
			"at its end",
			[]any{version, int64(1), []any{"a%2F", "100250"}, clock},
			look{point: at, members: 1, overdue: []string{"a/"}, lowest: ends("a%2F", 100_250), now: now},
		},
		{
			"a foreign member",
			[]any{version, int64(2), []any{"a b", "1", "c", "2"}, clock},
			look{point: at, members: 2, overdue: []string{"c"}, lowest: ends("a b", 1, "c", 2), now: now},
		},
		{
			"more than it reads",
			[]any{version, int64(lowest + 1), full, clock},
			look{point: at, members: lowest + 1, overdue: ended, crowded: true, lowest: allEnded, now: now},
		},
		{
			"as many as it reads",
			[]any{version, int64(lowest), full, clock},
			look{point: at, members: lowest, overdue: ended, lowest: allEnded, now: now},
		},
		{
			"more, which have time",
			[]any{version, int64(lowest + 1), []any{"a", "1", "b", "200000"}, clock},
			look{point: at, members: lowest + 1, overdue: []string{"a"}, next: time.UnixMilli(200_000), lowest: ends("a", 1, "b", 200_000), now: now},
		},
		{"a clock of numbers", []any{version, int64(0), []any{}, []any{int64(100), int64(250_000)}}, look{point: at, now: now}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := parseLook(tc.answer, nil)
			if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(look{}, scoredMember{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestParseLookRefuses(t *testing.T) {
	version, clock := []any{"e", "7", "t"}, []any{"100", "250000"}
	refused := errors.New("NOPERM")
	for name, answer := range map[string][]any{
		"nothing":             nil,
		"too little":          {version, int64(0), []any{}},
		"no version":          {nil, int64(0), []any{}, clock},
		"a version of two":    {[]any{"e", "7"}, int64(0), []any{}, clock},
		"no revision":         {[]any{"e", "seven", "t"}, int64(0), []any{}, clock},
		"no count":            {version, "0", []any{}, clock},
		"no members":          {version, int64(0), "a", clock},
		"no clock":            {version, int64(0), []any{}, nil},
		"a clock of words":    {version, int64(0), []any{}, []any{"noon", "0"}},
		"a clock of one part": {version, int64(0), []any{}, []any{"100"}},
		"a refused command":   {version, refused, []any{}, clock},
	} {
		if l := parseLook(answer, nil); l.err == nil {
			t.Errorf("%s: %+v, want an error", name, l)
		}
	}
	if l := parseLook([]any{version, int64(0), refused, clock}, nil); !errors.Is(l.err, refused) {
		t.Errorf("a refused command: %v", l.err)
	}
	if l := parseLook(nil, refused); !errors.Is(l.err, refused) {
		t.Errorf("a refused EXEC: %v", l.err)
	}
}
