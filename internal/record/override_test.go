package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseOverride(t *testing.T) {
	draining := `status 0 5 - {"value":"draining","by":"alice","reason":"bad disk"}`
	for _, tc := range []struct {
		name, override string
		want           []Setting
	}{
		{"none", "", nil},
		{"status", draining, []Setting{{
			Aspect: "status", Set: time.UnixMilli(5), Said: Said{Value: "draining", By: "alice", Reason: "bad disk"},
		}}},
		{
			"bound, with an end", "weight 12 5 " + lease + ` {"value":7}` + "\n" + `metadata:a%20b 0 5 - {"value":null}`,
			[]Setting{
				{Aspect: "weight", Until: time.UnixMilli(12), Set: time.UnixMilli(5), Lease: lease, Said: Said{Value: 7.0}},
				{Aspect: "metadata:a%20b", Set: time.UnixMilli(5)},
			},
		},
		{
			"beside what cannot be read",
			strings.Join([]string{"?", "status 0 5 -", "status x 5 - {}", "status 0 x - {}", "status 0 5 - {", "status 0 5 - \"\xff\"", draining}, "\n"),
			[]Setting{{Aspect: "status", Set: time.UnixMilli(5), Said: Said{Value: "draining", By: "alice", Reason: "bad disk"}}},
		},
		{"too large", `status 0 5 - {"value":"` + strings.Repeat("a", MaxSaid) + `"}`, nil},
	} {
		if diff := cmp.Diff(tc.want, ParseOverride(tc.override)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestSaidEncode(t *testing.T) {
	got, err := Said{Value: "<a>", By: "b", Reason: "line 1\nline 2"}.Encode()
	if want := `{"value":"<a>","by":"b","reason":"line 1\nline 2"}`; err != nil || string(got) != want {
		t.Errorf("encoded %s, %v, want %s", got, err, want)
	}
	for _, tc := range []struct {
		said Said
		want error
	}{
		{Said{Value: "\xff"}, ErrMalformed},
		{Said{By: "\xff"}, ErrMalformed},
		{Said{Reason: "\xff"}, ErrMalformed},
		{Said{Value: strings.Repeat("a", MaxSaid)}, ErrTooLarge},
	} {
		if b, err := tc.said.Encode(); !errors.Is(err, tc.want) {
			t.Errorf("encoded %d bytes, %v, want %v", len(b), err, tc.want)
		}
	}
}

func TestInForce(t *testing.T) {
	const other = "1-00000000000f"
	open, timed, bound := `weight 0 1 - {"value":1}`, `status 12 1 - {"value":"up"}`, "weight 12 1 "+lease+` {"value":2}`
	for _, tc := range []struct {
		name, override, lease string
		now                   int64
		want                  string
		next                  int64
	}{
		{"none", "", lease, 5, "", 0},
		{"all", open + "\n" + timed + "\n" + bound, lease, 11, open + "\n" + timed + "\n" + bound, 12},
		{"its end", open + "\n" + timed + "\n" + bound, lease, 12, open, 0},
		{"another lease", bound + "\n" + open, other, 5, open, 12},
		{"no lease", bound, "", 5, "", 12},
		{"what cannot be read", "?\n" + open, lease, 5, open, 0},
	} {
		now := time.UnixMilli(tc.now)
		if got := InForce(tc.override, tc.lease, now); got != tc.want {
			t.Errorf("%s: %q is in force, want %q", tc.name, got, tc.want)
		}
		want := time.Time{}
		if tc.next > 0 {
			want = time.UnixMilli(tc.next)
		}
		if got := NextEnd(tc.override, now); !got.Equal(want) {
			t.Errorf("%s: next end %v, want %v", tc.name, got, want)
		}
	}
}

// A line without an end has none at any time, the zero time included.
func TestNextEndOfNone(t *testing.T) {
	for _, now := range []time.Time{{}, time.UnixMilli(0), time.UnixMilli(5)} {
		if got := NextEnd(`weight 0 1 - {"value":1}`, now); !got.IsZero() {
			t.Errorf("next end after %v: %v, want none", now, got)
		}
	}
}

func TestLay(t *testing.T) {
	node := Node{Address: "a:1", Weight: 20, Status: StatusDraining, Metadata: map[string]string{"a": "1", "b": "2"}}
	line := func(aspect, value string) string { return aspect + ` 0 1 - {"value":` + value + "}\n" }
	for _, tc := range []struct {
		name, override string
		node, want     Node
	}{
		{"nothing", "", node, node},
		{"up", line("status", `"up"`), node, Node{Address: "a:1", Weight: 20, Metadata: node.Metadata}},
		{"no traffic", line("weight", "0"), node, Node{Address: "a:1", Weight: NoTraffic, Status: StatusDraining, Metadata: node.Metadata}},
		{
			"weight again", line("weight", "7"),
			Node{Address: "a:1", Weight: NoTraffic, Metadata: node.Metadata},
			Node{Address: "a:1", Weight: 7, Metadata: node.Metadata},
		},
		{"the later of two", line("weight", "7") + line("weight", "8"), Node{}, Node{Weight: 8}},
		{
			"metadata", line("metadata:a", `"9"`) + line("metadata:b", "null") + line("metadata:c", `"3"`) + line("metadata:d", "null"),
			node,
			Node{Address: "a:1", Weight: 20, Status: StatusDraining, Metadata: map[string]string{"a": "9", "c": "3"}},
		},
		{"metadata where there was none", line("metadata:a", `"9"`) + line("metadata:b", "null"), Node{}, Node{Metadata: map[string]string{"a": "9"}}},
		{
			"values of other types", line("status", "1") + line("weight", `"1"`) + line("weight", "-1") + line("weight", "1.5") + line("metadata:a", "1") + line("later", "1"),
			node, node,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Lay(tc.override, tc.node)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Metadata != nil {
				got.Metadata["written"] = "later"
			}
			if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, node.Metadata); diff != "" {
				t.Errorf("the node's own metadata changed:\n%s", diff)
			}
		})
	}
}
