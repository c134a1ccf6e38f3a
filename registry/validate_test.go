package registry

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// sound is a service that Register takes.
func sound() *Service {
	return &Service{Name: "shop", Nodes: []*Node{{ID: "a", Address: "10.0.0.1:80"}}}
}

// A badInput is what Register must refuse, naming the field.
type badInput struct {
	name   string
	field  string
	change func(s *Service)
	opts   []RegisterOption
}

// with changes the one node of a service.
func with(change func(n *Node)) func(*Service) { return func(s *Service) { change(s.Nodes[0]) } }

func badInputs() []badInput {
	long := strings.Repeat("x", 256)
	bad := []badInput{
		{"no name", "Name", func(s *Service) { s.Name = "" }, nil},
		{"no nodes", "Nodes", func(s *Service) { s.Nodes = nil }, nil},
		{"nil node", "Nodes[1]", func(s *Service) { s.Nodes = append(s.Nodes, nil) }, nil},
		{"duplicate IDs", "Nodes[1].ID", func(s *Service) { s.Nodes = append(s.Nodes, &Node{ID: "a", Address: "10.0.0.2:80"}) }, nil},
		{"ID of one, address of another", "Nodes[1].ID", func(s *Service) {
			s.Nodes = []*Node{{Address: "10.0.0.1:80"}, {ID: "10.0.0.1:80", Address: "10.0.0.2:80"}}
		}, nil},
		{"negative weight", "Nodes[0].Weight", with(func(n *Node) { n.Weight = NoTraffic - 1 }), nil},
		{"unknown status", "Nodes[0].Status", with(func(n *Node) { n.Status = 2 }), nil},
		{"negative status", "Nodes[0].Status", with(func(n *Node) { n.Status = -1 }), nil},

		{"negative TTL", "TTL", func(s *Service) { s.TTL = -time.Second }, nil},
		{"TTL under 1 s", "TTL", func(s *Service) { s.TTL = time.Second - 1 }, nil},
		{"negative RegisterTTL", "RegisterTTL", nil, []RegisterOption{RegisterTTL(-time.Minute)}},
		{"RegisterTTL under 1 s", "RegisterTTL", nil, []RegisterOption{RegisterTTL(999 * time.Millisecond)}},
		{"interval over TTL/2", "RegisterInterval", nil, []RegisterOption{RegisterTTL(2 * time.Second), RegisterInterval(time.Second + 1)}},
		{"interval over the service's TTL/2", "RegisterInterval", func(s *Service) { s.TTL = 2 * time.Second }, []RegisterOption{RegisterInterval(2 * time.Second)}},
		{"negative interval", "RegisterInterval", nil, []RegisterOption{RegisterInterval(-1)}},
		{"tiny interval", "RegisterInterval", nil, []RegisterOption{RegisterInterval(time.Microsecond)}},
		{"manual in the background", "RegisterManual", nil, []RegisterOption{RegisterManual(), RegisterRetry()}},
		{"namespace *", "Namespace", func(s *Service) { s.Namespace = "*" }, nil},
		{"RegisterNamespace *", "Namespace", nil, []RegisterOption{RegisterNamespace("*")}},

		{"node over 8 KiB", "Nodes[0]", with(func(n *Node) { n.Metadata = map[string]string{"k": strings.Repeat("x", 8<<10)} }), nil},
		{"service over 8 KiB", "Nodes[0]", func(s *Service) { s.Metadata = map[string]string{"k": strings.Repeat("x", 8<<10)} }, nil},
		{"endpoints over 8 KiB", "Nodes[0]", func(s *Service) { s.Endpoints = []*Endpoint{{Name: strings.Repeat("x", 8<<10)}} }, nil},
		{"metadata not UTF-8", "Nodes[0]", with(func(n *Node) { n.Metadata = map[string]string{"k": "\xff"} }), nil},
		{"nil endpoint", "Endpoints[1]", func(s *Service) { s.Endpoints = []*Endpoint{{}, nil} }, nil},
		{"nil in a request", "Endpoints[0].Request", func(s *Service) {
			s.Endpoints = []*Endpoint{{Request: &Value{Values: []*Value{nil}}}}
		}, nil},
		{"values in themselves", "Endpoints[0].Response", func(s *Service) {
			loop := &Value{}
			loop.Values = []*Value{loop}
			s.Endpoints = []*Endpoint{{Response: loop}}
		}, nil},
		{"values shared without end", "Endpoints[0].Request", func(s *Service) {
			v := &Value{}
			for range 60 {
				v = &Value{Values: []*Value{v, v}}
			}
			s.Endpoints = []*Endpoint{{Request: v}}
		}, nil},
		{"values too deep", "Nodes[0]", func(s *Service) {
			v := &Value{}
			for range record.MaxDepth {
				v = &Value{Values: []*Value{v}}
			}
			s.Endpoints = []*Endpoint{{Request: v}}
		}, nil},
		{"document over 64 KiB", "APIs", func(s *Service) { s.APIs = json.RawMessage(`"` + strings.Repeat("x", 64<<10-1) + `"`) }, nil},
		{"document not JSON", "APIs", func(s *Service) { s.APIs = json.RawMessage(`{`) }, nil},
		{"empty document", "APIs", func(s *Service) { s.APIs = json.RawMessage{} }, nil},
	}
	for _, address := range []string{
		"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:http", "10.0.0.1:80:81",
		":80", "0.0.0.0:80", "[::]:8080", "[::%eth0]:80", "a/b:80", "user@host:80", "my host:80", "10.0.0.256:80", "a..b:80", "http://a:80", "::1:80", "[::1]", "[::1:80", "10.0.0.1:80\n", "\xff:80", strings.Repeat("x", 254) + ":1",
	} {
		bad = append(bad, badInput{"address " + address, "Nodes[0].Address", with(func(n *Node) { n.Address = address }), nil})
	}
	for what, text := range map[string]string{
		"over 255 bytes": long, "not UTF-8": "a\xc3", "newline": "a\nb", "NUL": "\x00", "DEL": "\x7f", "C1 control": "\u0085",
	} {
		bad = append(bad,
			badInput{"name " + what, "Name", func(s *Service) { s.Name = text }, nil},
			badInput{"version " + what, "Version", func(s *Service) { s.Version = text }, nil},
			badInput{"namespace " + what, "Namespace", func(s *Service) { s.Namespace = text }, nil},
			badInput{"RegisterNamespace " + what, "Namespace", nil, []RegisterOption{RegisterNamespace(text)}},
			badInput{"ID " + what, "Nodes[0].ID", with(func(n *Node) { n.ID = text }), nil},
			badInput{"zone " + what, "Nodes[0].Zone", with(func(n *Node) { n.Zone = text }), nil},
			badInput{"network " + what, "Nodes[0].Network", with(func(n *Node) { n.Network = text }), nil},
			badInput{"unix path " + what, "Nodes[0].Address", with(func(n *Node) { n.Network, n.Address = "unix", text }), nil},
		)
	}
	return bad
}

// What is wrong is refused before anything is written, in every form of Register.
func TestInvalidInput(t *testing.T) {
	addr := redistest.SharedEmbedded(t).Addr()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	r := NewRegistry(Addrs(addr))
	defer func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	refused := func(t *testing.T, err error, field string) {
		t.Helper()
		var op *OpError
		if !errors.Is(err, ErrInvalid) || !errors.As(err, &op) || op.Op != "register" {
			t.Errorf("got %v, want ErrInvalid", err)
		} else if !strings.Contains(op.Err.Error(), "invalid: "+field+": ") {
			t.Errorf("got %q, which does not name %s", err, field)
		}
		if n := client.DBSize(t.Context()).Val(); n != 0 {
			t.Errorf("%d keys were written", n)
		}
	}
	for _, bad := range badInputs() {
		t.Run(bad.name, func(t *testing.T) {
			for _, also := range [][]RegisterOption{nil, {RegisterExclusive()}, {RegisterManual()}, {RegisterRetry()}} {
				s := sound()
				if bad.change != nil {
					bad.change(s)
				}
				refused(t, r.Register(t.Context(), s, append(also, bad.opts...)...), bad.field)
			}
		})
	}
	refused(t, r.Register(t.Context(), nil), "Service")
	if err := r.Register(t.Context(), sound()); err != nil {
		t.Errorf("what is sound was refused: %v", err)
	}
}

// What is at the limit is taken.
func TestValidInput(t *testing.T) {
	in, err := resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(s *Service)
		opts   []RegisterOption
	}{
		"sound":         {change: func(*Service) {}},
		"255 bytes":     {change: func(s *Service) { s.Name, s.Version = strings.Repeat("n", 255), strings.Repeat("v", 255) }},
		"TTL of 1 s":    {change: func(s *Service) { s.TTL = time.Second }},
		"interval":      {change: func(*Service) {}, opts: []RegisterOption{RegisterTTL(2 * time.Second), RegisterInterval(time.Second)}},
		"call over bad": {change: func(s *Service) { s.TTL = -1; s.Namespace = "*" }, opts: []RegisterOption{RegisterTTL(time.Second), RegisterNamespace("x")}},
		"unix":          {change: with(func(n *Node) { n.Network, n.Address = "unix", "/run/shop sock" })},
		"unixgram":      {change: with(func(n *Node) { n.Network, n.Address = "unixgram", "@abstract" })},
		"IPv6 zone":     {change: with(func(n *Node) { n.Address = "[fe80::1%eth0]:1" })},
		"host name":     {change: with(func(n *Node) { n.Address = "shop.example:65535" })},
		"document":      {change: func(s *Service) { s.APIs = json.RawMessage(`"` + strings.Repeat("x", 64<<10-2) + `"`) }},
		"values": {change: func(s *Service) {
			v := &Value{}
			for range record.MaxDepth - 1 {
				v = &Value{Values: []*Value{v}}
			}
			s.Endpoints = []*Endpoint{{Request: v, Response: v}, {}}
		}},
	} {
		s := sound()
		c.change(s)
		var o registerOptions
		for _, opt := range c.opts {
			opt(&o)
		}
		if _, err := newPlan(s, o, in, keys.Space{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPlannedLease: where TTL and interval come from.
func TestPlannedLease(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name                          string
		registryTTL, registryInterval time.Duration
		serviceTTL, callTTL, callEach time.Duration
		wantTTL, wantInterval         time.Duration
	}{
		{name: "defaults", wantTTL: 15 * s, wantInterval: 5 * s},
		{name: "registry", registryTTL: 30 * s, wantTTL: 30 * s, wantInterval: 10 * s},
		{name: "registry's interval", registryTTL: 30 * s, registryInterval: 15 * s, wantTTL: 30 * s, wantInterval: 15 * s},
		{name: "service", registryTTL: 30 * s, serviceTTL: 6 * s, wantTTL: 6 * s, wantInterval: 2 * s},
		{name: "call", registryTTL: 30 * s, serviceTTL: 6 * s, callTTL: 3 * s, wantTTL: 3 * s, wantInterval: s},
		{name: "call's interval", callTTL: 4 * s, callEach: 2 * s, wantTTL: 4 * s, wantInterval: 2 * s},
		{name: "short TTL, long interval", registryInterval: 5 * s, callTTL: 3 * s, wantTTL: 3 * s, wantInterval: s},
		{name: "interval that the TTL bears", registryInterval: 5 * s, callTTL: 12 * s, wantTTL: 12 * s, wantInterval: 5 * s},
		{name: "long TTL, short interval", registryInterval: s, callTTL: 60 * s, wantTTL: 60 * s, wantInterval: s},
		{name: "whole milliseconds", callTTL: 2*s + 999_999, wantTTL: 2 * s, wantInterval: 2 * s / 3},
	} {
		in, err := resolve([]Option{TTL(c.registryTTL), Interval(c.registryInterval)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		service := sound()
		service.TTL = c.serviceTTL
		p, err := newPlan(service, registerOptions{ttl: c.callTTL, interval: c.callEach}, in, keys.Space{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.TTL != c.wantTTL || p.Interval != c.wantInterval {
			t.Errorf("%s: TTL %v and interval %v, want %v and %v", c.name, p.TTL, p.Interval, c.wantTTL, c.wantInterval)
		}
	}
}

// FuzzPlan: any text is refused as ErrInvalid or makes a plan that others can
// read and dial.
func FuzzPlan(f *testing.F) {
	for _, s := range badInputs() {
		bad := sound()
		if s.change == nil {
			continue
		}
		s.change(bad)
		var n Node
		if len(bad.Nodes) > 0 && bad.Nodes[0] != nil {
			n = *bad.Nodes[0]
		}
		f.Add(bad.Namespace, bad.Name, bad.Version, n.ID, n.Network, n.Address, n.Zone, n.Metadata["k"])
	}
	f.Add("eu", "shop", "1", "", "", "10.0.0.1:80", "z", "v")
	f.Add("a/b", "{}", "*", "%", "unix", "/run/x", " ", "\u2028")
	in, err := resolve(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ns, name, version, id, network, address, zone, value string) {
		s := &Service{
			Namespace: ns, Name: name, Version: version, Metadata: map[string]string{value: value},
			Nodes: []*Node{{ID: id, Network: network, Address: address, Zone: zone, Metadata: map[string]string{value: value}}},
		}
		p, err := newPlan(s, registerOptions{}, in, keys.Space{})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("refused by %v, which is not ErrInvalid", err)
			}
			return
		}
		for _, text := range []string{p.Service.Namespace(), p.Service.Name(), p.Version, p.Nodes[0].ID} {
			if len(text) > maxName || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n\r\x7f") {
				t.Errorf("planned the name %q", text)
			}
		}
		if p.Service.Namespace() == "" || p.Service.Namespace() == keys.AllNamespaces || p.Service.Name() == "" || p.Nodes[0].ID == "" {
			t.Errorf("planned %q %q %q", p.Service.Namespace(), p.Service.Name(), p.Nodes[0].ID)
		}
		r, err := record.DecodeNode(p.Nodes[0].Data)
		if err != nil {
			t.Fatalf("planned a record that cannot be read: %v", err)
		}
		if got := fromRecord(id, r); got.Address != address || got.Zone != zone || got.Metadata[value] != value {
			t.Errorf("planned %+v", got)
		}
		if strings.HasPrefix(network, "unix") {
			return
		}
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" || port == "0" {
			t.Errorf("planned the address %q", address)
		}
	})
}
