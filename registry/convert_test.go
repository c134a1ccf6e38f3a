package registry

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
)

// plain draws text that a name may be.
var plain = rapid.StringN(0, 20, 60).Filter(func(s string) bool { return checkText("", s) == nil })

func drawMetadata(t *rapid.T, label string) map[string]string {
	return rapid.MapOfN(rapid.String(), rapid.String(), 0, 4).Draw(t, label)
}

func drawValue(t *rapid.T, depth int) *Value {
	v := &Value{Name: rapid.String().Draw(t, "name"), Type: rapid.String().Draw(t, "type")}
	if depth > 0 {
		for range rapid.IntRange(0, 3).Draw(t, "values") {
			v.Values = append(v.Values, drawValue(t, depth-1))
		}
	}
	return v
}

// Whatever is registered comes back: the service through the plan's record, each
// node as it was.
func TestConvertRoundTrip(t *testing.T) {
	in, err := resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := &Service{
			Name: "shop", Version: plain.Draw(t, "version"), Metadata: drawMetadata(t, "metadata"),
			TTL: time.Duration(rapid.Int64Range(1000, 1e9).Draw(t, "ttl")) * time.Millisecond,
		}
		for range rapid.IntRange(0, 2).Draw(t, "endpoints") {
			e := &Endpoint{Name: rapid.String().Draw(t, "endpoint"), Metadata: drawMetadata(t, "endpoint metadata")}
			if rapid.Bool().Draw(t, "request") {
				e.Request = drawValue(t, 2)
			}
			if rapid.Bool().Draw(t, "response") {
				e.Response = drawValue(t, 2)
			}
			s.Endpoints = append(s.Endpoints, e)
		}
		for _, address := range []string{"10.0.0.1:80", "[::1]:8080"} {
			s.Nodes = append(s.Nodes, &Node{
				ID: address + plain.Draw(t, "id"), Address: address,
				Network:  rapid.SampledFrom([]string{"", "tcp", "udp6"}).Draw(t, "network"),
				Weight:   rapid.IntRange(NoTraffic, 1<<31).Draw(t, "weight"),
				Zone:     plain.Draw(t, "zone"),
				Status:   rapid.SampledFrom([]Status{Up, Draining}).Draw(t, "status"),
				Metadata: drawMetadata(t, "node metadata"),
			})
		}
		p, err := newPlan(s, registerOptions{}, in, keys.Space{})
		if err != nil {
			if !strings.Contains(err.Error(), "too large") {
				t.Fatal(err)
			}
			return
		}
		back := &Service{Name: p.Service.Name(), Version: p.Version}
		for _, n := range p.Nodes {
			r, err := record.DecodeNode(n.Data)
			if err != nil {
				t.Fatal(err)
			}
			back.describe(r)
			back.Nodes = append(back.Nodes, fromRecord(n.ID, r))
		}
		if d := cmp.Diff(s, back, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("(-registered +found):\n%s", d)
		}
	})
}

// A status of a newer writer keeps no calls away.
func TestUnknownStatusIsUp(t *testing.T) {
	r, err := record.DecodeNode([]byte(`{"v":2,"address":"10.0.0.1:80","status":"resting"}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := fromRecord("a", r); n.Status != Up {
		t.Errorf("status %v", n.Status)
	}
}
