package record

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full is a node with every field set.
func full() Node {
	return Node{
		Version:         "1.2.0",
		Network:         "unix",
		Address:         "10.0.0.7:8080",
		Weight:          20,
		Zone:            "eu-1a",
		Status:          StatusDraining,
		Metadata:        map[string]string{"team": "orders", "a<b": "größe"},
		TTL:             15 * time.Second,
		ServiceMetadata: map[string]string{"owner": "x"},
		Endpoints: []Endpoint{{
			Name:     "Add",
			Request:  &Value{Name: "AddRequest", Type: "object", Values: []*Value{{Name: "n", Type: "int"}}},
			Response: &Value{Name: "AddReply", Type: "object"},
			Metadata: map[string]string{"path": "/add"},
		}, {Name: "Ping"}},
		APIs: "2cf2",
	}
}

const fullWire = `{"version":"1.2.0","network":"unix","address":"10.0.0.7:8080","weight":20,"zone":"eu-1a",` +
	`"status":"draining","metadata":{"a<b":"größe","team":"orders"},"ttl":15000,` +
	`"service":{"metadata":{"owner":"x"},"endpoints":[{"name":"Add",` +
	`"request":{"name":"AddRequest","type":"object","values":[{"name":"n","type":"int"}]},` +
	`"response":{"name":"AddReply","type":"object"},"metadata":{"path":"/add"}},{"name":"Ping"}]},"apis":"2cf2"}`

// plainWire has every field that decodePlain reads.
const plainWire = `{"v":2,"version":"1.2.0","network":"unix","address":"10.0.0.7:8080","weight":20,"zone":"eu-1a",` +
	`"status":"draining","metadata":{"a<b":"größe","team":"orders"},"ttl":15000,"service":{"metadata":{"owner":"x"}},"apis":"2cf2"}`

// What most services write is read without encoding/json.
func TestPlainRecords(t *testing.T) {
	want := full()
	want.V, want.Endpoints = 2, nil
	got, plain := decodePlain(plainWire, nil)
	if diff := cmp.Diff(want, got); diff != "" || !plain {
		t.Errorf("plain: %v (-want +got):\n%s", plain, diff)
	}
	data, err := typical.Encode()
	if _, plain := decodePlain(string(data), nil); err != nil || !plain {
		t.Errorf("%s is not plain; Encode: %v", data, err)
	}
}

// Nodes that a Decoder reads one after the other share the maps that are the same, and only
// those.
func TestDecoderSharesMaps(t *testing.T) {
	var d Decoder
	read := func(metadata string) map[string]string {
		n, err := d.Node(`{"address":"a:1","metadata":{` + metadata + `},"ttl":1000}`)
		if err != nil {
			t.Fatal(err)
		}
		return n.Metadata
	}
	a, b, again := read(`"team":"a"`), read(`"team":"ab"`), read(`"team":"a"`)
	again["team"] = "changed"
	if want := map[string]string{"team": "changed"}; !maps.Equal(a, want) || b["team"] != "ab" {
		t.Errorf("the maps are %v and %v, want %v and the one of team ab", a, b, want)
	}
}

func TestNodeWire(t *testing.T) {
	extra := full()
	extra.V = 3
	extra.Extra = map[string]json.RawMessage{"zz": json.RawMessage(`[1.50,null]`), "Zone": json.RawMessage(`{"b":1,"a":2}`)}
	for _, tc := range []struct {
		name string
		node Node
		wire string
	}{
		{"least", Node{Address: "a:1"}, `{"address":"a:1"}`},
		{"full", full(), fullWire},
		{"no traffic", Node{Address: "a:1", Weight: NoTraffic}, `{"address":"a:1","weight":0}`},
		{"status of a newer writer", Node{Address: "a:1", Status: "warming"}, `{"address":"a:1","status":"warming"}`},
		{"service metadata alone", Node{Address: "a:1", ServiceMetadata: map[string]string{"k": ""}}, `{"address":"a:1","service":{"metadata":{"k":""}}}`},
		{"newer version and unknown fields", extra, `{"v":3,` + fullWire[1:len(fullWire)-1] + `,"Zone":{"b":1,"a":2},"zz":[1.50,null]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.node.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.wire, string(got)); diff != "" {
				t.Errorf("Encode (-want +got):\n%s", diff)
			}
			back, err := DecodeNode([]byte(tc.wire))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.node, back); diff != "" {
				t.Errorf("DecodeNode (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNodeEncodeOmitsEmpty(t *testing.T) {
	n := Node{
		Address: "a:1", Metadata: map[string]string{}, ServiceMetadata: map[string]string{},
		Endpoints: []Endpoint{}, Extra: map[string]json.RawMessage{},
	}
	if got, err := n.Encode(); err != nil || string(got) != `{"address":"a:1"}` {
		t.Errorf("Encode = %s, %v", got, err)
	}
}

func TestDecodeNodeReadsOtherSpellings(t *testing.T) {
	for _, tc := range []struct {
		name, wire string
		want       Node
	}{
		{"spaces and order", " {\n\"address\" : \"a:1\", \"v\": 1 } ", Node{Address: "a:1"}},
		{"version 1 in writing", `{"v":1,"address":"a:1"}`, Node{Address: "a:1"}},
		{"null is as good as missing", `{"v":null,"address":"a:1","weight":null,"metadata":null,"service":null}`, Node{Address: "a:1"}},
		{"empty is as good as missing", `{"v":1,"address":"a:1","metadata":{},"service":{"endpoints":[]}}`, Node{Address: "a:1"}},
		{"the last of two counts", `{"v":1,"address":"a:1","metadata":{"a":"1"},"metadata":{"b":"2"}}`, Node{Address: "a:1", Metadata: map[string]string{"b": "2"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := DecodeNode([]byte(tc.wire))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// deep returns a value with depth levels in all.
func deep(depth int) *Value {
	v := &Value{Name: "leaf"}
	for range depth - 1 {
		v = &Value{Values: []*Value{v}}
	}
	return v
}

func TestDecodeNodeRefuses(t *testing.T) {
	endpoint := func(request string) string {
		return `{"v":1,"address":"a:1","service":{"endpoints":[{"name":"Add","request":` + request + `}]}}`
	}
	for _, tc := range []struct {
		name, wire string
		want       error
		fault      string
	}{
		{"nothing", ``, ErrMalformed, "JSON"},
		{"null", `null`, ErrMalformed, "null"},
		{"no object", `[1]`, ErrMalformed, "array"},
		{"cut", `{"v":1,"address":"a:1"`, ErrMalformed, "JSON"},
		{"trailing", `{"v":1,"address":"a:1"}x`, ErrMalformed, "after top-level"},
		{"version negative", `{"v":-1,"address":"a:1"}`, ErrMalformed, "v: -1"},
		{"version zero", `{"v":0,"address":"a:1"}`, ErrMalformed, "v: 0"},
		{"version text", `{"v":"1","address":"a:1"}`, ErrMalformed, "v: "},
		{"no address", `{"v":1}`, ErrMalformed, "address"},
		{"address number", `{"v":1,"address":1}`, ErrMalformed, "address: "},
		{"Address is not address", `{"v":1,"Address":"a:1"}`, ErrMalformed, "address"},
		{"weight text", `{"v":1,"address":"a:1","weight":"5"}`, ErrMalformed, "weight: "},
		{"weight fraction", `{"v":1,"address":"a:1","weight":1.5}`, ErrMalformed, "weight: "},
		{"weight negative", `{"v":1,"address":"a:1","weight":-1}`, ErrMalformed, "weight: -1"},
		{"ttl negative", `{"v":1,"address":"a:1","ttl":-1}`, ErrMalformed, "ttl: -1"},
		{"ttl out of range", `{"v":1,"address":"a:1","ttl":9223372036855}`, ErrMalformed, "ttl: 9223372036855"},
		{"metadata list", `{"v":1,"address":"a:1","metadata":["a"]}`, ErrMalformed, "metadata: "},
		{"metadata number", `{"v":1,"address":"a:1","metadata":{"a":1}}`, ErrMalformed, "metadata: "},
		{"service text", `{"v":1,"address":"a:1","service":"x"}`, ErrMalformed, "service: "},
		{"null among values", endpoint(`{"values":[{"name":"a"},null]}`), ErrMalformed, "null among values"},
		{"values too deep", endpoint(strings.Repeat(`{"values":[`, MaxDepth) + `{}` + strings.Repeat(`]}`, MaxDepth)), ErrMalformed, "16 deep"},
		{"not UTF-8", "{\"v\":1,\"address\":\"\xff\"}", ErrMalformed, "UTF-8"},
		{"too large", `{"v":1,"address":"` + strings.Repeat("a", MaxNode-19) + `"}`, ErrTooLarge, "8193 bytes, at most 8192"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := DecodeNode([]byte(tc.wire))
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.fault) {
				t.Errorf("error %v, want %v with %q", err, tc.want, tc.fault)
			}
			if diff := cmp.Diff(Node{}, n); diff != "" {
				t.Errorf("a node came with the error:\n%s", diff)
			}
		})
	}
}

func TestNodeEncodeRefuses(t *testing.T) {
	shared := &Value{}
	for range MaxDepth - 1 {
		shared = &Value{Values: slices.Repeat([]*Value{shared}, 64)}
	}
	loop := &Value{}
	loop.Values = []*Value{loop}
	for _, tc := range []struct {
		name   string
		change func(n *Node)
		want   error
	}{
		{"no address", func(n *Node) { n.Address = "" }, ErrMalformed},
		{"negative weight", func(n *Node) { n.Weight = NoTraffic - 1 }, ErrMalformed},
		{"negative TTL", func(n *Node) { n.TTL = -1 }, ErrMalformed},
		{"text", func(n *Node) { n.Zone = "\xff" }, ErrMalformed},
		{"metadata key", func(n *Node) { n.Metadata = map[string]string{"\xff": ""} }, ErrMalformed},
		{"metadata value", func(n *Node) { n.ServiceMetadata = map[string]string{"": "\xff"} }, ErrMalformed},
		{"endpoint name", func(n *Node) { n.Endpoints = []Endpoint{{Name: "\xff"}} }, ErrMalformed},
		{"value type", func(n *Node) { n.Endpoints = []Endpoint{{Response: &Value{Type: "\xff"}}} }, ErrMalformed},
		{"nil in values", func(n *Node) { n.Endpoints = []Endpoint{{Request: &Value{Values: []*Value{nil}}}} }, ErrMalformed},
		{"values too deep", func(n *Node) { n.Endpoints = []Endpoint{{Request: deep(MaxDepth + 1)}} }, ErrMalformed},
		{"values in a loop", func(n *Node) { n.Endpoints = []Endpoint{{Request: loop}} }, ErrMalformed},
		{"values shared 64^15-fold", func(n *Node) { n.Endpoints = []Endpoint{{Request: shared}} }, ErrTooLarge},
		{"extra under a known name", func(n *Node) { n.Extra = map[string]json.RawMessage{"zone": json.RawMessage(`1`)} }, ErrMalformed},
		{"extra that is no JSON", func(n *Node) { n.Extra = map[string]json.RawMessage{"x": json.RawMessage(`{`)} }, ErrMalformed},
		{"extra name", func(n *Node) { n.Extra = map[string]json.RawMessage{"\xff": json.RawMessage(`1`)} }, ErrMalformed},
		{"extra value", func(n *Node) { n.Extra = map[string]json.RawMessage{"x": json.RawMessage("\"\xff\"")} }, ErrMalformed},
		{"too large", func(n *Node) { n.Zone = strings.Repeat("z", MaxNode) }, ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := full()
			tc.change(&n)
			if b, err := n.Encode(); !errors.Is(err, tc.want) || b != nil {
				t.Errorf("Encode = %d bytes, %v, want %v", len(b), err, tc.want)
			}
		})
	}
}

func TestNodeAtItsCaps(t *testing.T) {
	n := Node{Address: "a:1", TTL: math.MaxInt64, Endpoints: []Endpoint{{Request: deep(MaxDepth)}}}
	b, err := n.Encode()
	if err != nil {
		t.Fatal(err)
	}
	n.Zone = strings.Repeat("z", MaxNode-len(b)-len(`"zone":"",`))
	if b, err = n.Encode(); err != nil || len(b) != MaxNode {
		t.Fatalf("Encode = %d bytes, %v, want %d", len(b), err, MaxNode)
	}
	back, err := DecodeNode(b)
	if err != nil {
		t.Fatal(err)
	}
	n.TTL = n.TTL.Truncate(time.Millisecond)
	if !reflect.DeepEqual(n, back) { // cmp takes time exponential in the depth
		t.Errorf("%+v came back as %+v", n, back)
	}
}
