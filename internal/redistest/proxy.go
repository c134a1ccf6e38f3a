package redistest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy is a TCP proxy before one server that can play a bad network. Each fault
// takes the place of the one before it, and lasts until Heal.
type Proxy struct {
	t       testing.TB
	proxy   *toxiproxy.Proxy
	addr    string
	network *network
}

// StartProxy starts a healthy proxy before upstream, host:port, and stops it at
// the end of the test.
func StartProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	p, err := newProxy(t, upstream)
	for range 4 { // in case the port was taken
		if err == nil {
			break
		}
		p, err = newProxy(t, upstream)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Cut)
	return p
}

func newProxy(t testing.TB, upstream string) (*Proxy, error) {
	port, err := freePort(false)
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{
		t: t, addr: localhost(port), network: newNetwork(),
		proxy: toxiproxy.NewProxy(server, "redistest", localhost(port), upstream),
	}
	for _, direction := range []string{"upstream", "downstream"} {
		toxic, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(
			fmt.Sprintf(`{"type":%q,"stream":%q}`, gateType, direction)))
		if err != nil {
			return nil, fmt.Errorf("redistest: prepare a proxy: %w", err)
		}
		*toxic.Toxic.(*gate) = gate{network: p.network, replies: direction == "downstream"}
	}
	if err := p.proxy.Start(); err != nil {
		return nil, fmt.Errorf("redistest: start a proxy: %w", err)
	}
	return p, nil
}

// Addr returns the address of the proxy, host:port. It stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Cut closes every connection and refuses new ones.
func (p *Proxy) Cut() {
	p.proxy.Stop()
	p.network.set(fault{}, true)
}

// Stall leaves connections open, half-open as after a lost route: no byte passes
// in either direction, and neither side learns that the other has gone. After
// Heal all that was sent arrives, late.
func (p *Proxy) Stall() {
	p.t.Helper()
	p.open(fault{stall: true})
}

// Latency delays every reply by d.
func (p *Proxy) Latency(d time.Duration) {
	p.t.Helper()
	p.open(fault{latency: d})
}

// DropReplies lets requests pass and loses the replies. What ends it closes the
// connections that lost one, since nothing can follow the gap.
func (p *Proxy) DropReplies() {
	p.t.Helper()
	p.open(fault{dropReplies: true})
}

// Heal ends the fault.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.open(fault{})
}

// open makes f the state of a proxy that takes connections.
func (p *Proxy) open(f fault) {
	p.t.Helper()
	p.network.set(f, false)
	if err := p.proxy.Start(); err != nil && !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		p.t.Fatalf("redistest: open the proxy on %s: %v", p.addr, err)
	}
}
