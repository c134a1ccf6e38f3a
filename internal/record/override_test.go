package record

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOverrideWire(t *testing.T) {
	for _, tc := range []struct {
		name     string
		override Override
		wire     string
	}{
		{"nothing", Override{}, `{}`},
		{"drain", Override{Status: new(StatusDraining)}, `{"status":"draining"}`},
		{"up", Override{Status: new(StatusUp)}, `{"status":""}`},
		{"no traffic", Override{Weight: new(0)}, `{"weight":0}`},
		{
			"all",
			Override{
				Status: new("draining"), Weight: new(5),
				Metadata: map[string]*string{"b": new(""), "a": new("1"), "gone": nil},
				Extra:    map[string]json.RawMessage{"until": json.RawMessage(`12`)},
			},
			`{"status":"draining","weight":5,"metadata":{"a":"1","b":"","gone":null},"until":12}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.override.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.wire, string(got)); diff != "" {
				t.Errorf("Encode (-want +got):\n%s", diff)
			}
			back, err := DecodeOverride([]byte(tc.wire))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.override, back); diff != "" {
				t.Errorf("DecodeOverride (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeOverrideRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, wire string
		want       error
	}{
		{"nothing", ``, ErrMalformed},
		{"null", `null`, ErrMalformed},
		{"text", `"draining"`, ErrMalformed},
		{"status number", `{"status":1}`, ErrMalformed},
		{"weight negative", `{"weight":-1}`, ErrMalformed},
		{"metadata number", `{"metadata":{"a":1}}`, ErrMalformed},
		{"not UTF-8", "{\"status\":\"\xff\"}", ErrMalformed},
		{"too large", `{"status":"` + strings.Repeat("a", MaxOverride) + `"}`, ErrTooLarge},
	} {
		if _, err := DecodeOverride([]byte(tc.wire)); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestOverrideEncodeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name     string
		override Override
		want     error
	}{
		{"negative weight", Override{Weight: new(-1)}, ErrMalformed},
		{"status", Override{Status: new("\xff")}, ErrMalformed},
		{"metadata value", Override{Metadata: map[string]*string{"a": new("\xff")}}, ErrMalformed},
		{"known name", Override{Extra: map[string]json.RawMessage{"weight": json.RawMessage(`1`)}}, ErrMalformed},
		{"too large", Override{Status: new(strings.Repeat("a", MaxOverride))}, ErrTooLarge},
	} {
		if b, err := tc.override.Encode(); !errors.Is(err, tc.want) {
			t.Errorf("%s: Encode = %d bytes, %v, want %v", tc.name, len(b), err, tc.want)
		}
	}
}

func TestOverrideApply(t *testing.T) {
	node := Node{Address: "a:1", Weight: 20, Status: StatusDraining, Metadata: map[string]string{"a": "1", "b": "2"}}
	for _, tc := range []struct {
		name     string
		override Override
		node     Node
		want     Node
	}{
		{"nothing", Override{}, node, node},
		{"up", Override{Status: new(StatusUp)}, node, Node{Address: "a:1", Weight: 20, Metadata: node.Metadata}},
		{"weight", Override{Weight: new(0)}, node, Node{Address: "a:1", Weight: NoTraffic, Status: StatusDraining, Metadata: node.Metadata}},
		{
			"weight again",
			Override{Weight: new(7)},
			Node{Address: "a:1", Weight: NoTraffic, Metadata: node.Metadata},
			Node{Address: "a:1", Weight: 7, Metadata: node.Metadata},
		},
		{
			"metadata",
			Override{Metadata: map[string]*string{"a": new("9"), "b": nil, "c": new("3"), "d": nil}},
			node,
			Node{Address: "a:1", Weight: 20, Status: StatusDraining, Metadata: map[string]string{"a": "9", "c": "3"}},
		},
		{"metadata where there was none", Override{Metadata: map[string]*string{"a": new("9"), "b": nil}}, Node{}, Node{Metadata: map[string]string{"a": "9"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.override.Apply(tc.node)
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
