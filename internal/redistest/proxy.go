package redistest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// Proxy is a TCP proxy before one server that can play a bad network. Each fault
// takes the place of the one before it, and lasts until Heal.
type Proxy struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
	addr  string
}

// StartProxy starts a healthy proxy before upstream, host:port, and stops it at
// the end of the test.
func StartProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	err := errors.New("not tried")
	for try := 0; err != nil; try++ {
		port, perr := freePort(false)
		if perr != nil || try == 5 {
			t.Fatal(errors.Join(fmt.Errorf("redistest: start a proxy: %w", err), perr))
		}
		p := &Proxy{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), localhost(port), upstream), addr: localhost(port)}
		if err = p.proxy.Start(); err == nil {
			t.Cleanup(func() {
				p.clear()
				p.proxy.Stop()
			})
			return p
		}
	}
	return nil
}

// Addr returns the address of the proxy, host:port. It stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Cut closes every connection and refuses new ones.
func (p *Proxy) Cut() {
	p.t.Helper()
	p.clear()
	p.proxy.Stop()
}

// Stall leaves connections open, half-open as after a lost route: no byte passes
// in either direction, and nobody learns that the other side has gone. After
// Heal all that was sent arrives, late.
func (p *Proxy) Stall() {
	p.t.Helper()
	p.set(`{"type":"rollcall_stall","stream":"upstream"}`, `{"type":"rollcall_stall","stream":"downstream"}`)
}

// Latency delays every reply by d, in whole milliseconds.
func (p *Proxy) Latency(d time.Duration) {
	p.t.Helper()
	p.set(fmt.Sprintf(`{"type":"latency","stream":"downstream","attributes":{"latency":%d}}`, d.Milliseconds()))
}

// DropReplies lets requests pass and loses the replies. Heal closes the
// connections, since what they would carry next follows a gap.
func (p *Proxy) DropReplies() {
	p.t.Helper()
	p.set(`{"type":"timeout","stream":"downstream"}`)
}

// Heal ends the fault.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.set()
}

// set makes these toxics, and no others, the state of an open proxy.
func (p *Proxy) set(toxics ...string) {
	p.t.Helper()
	p.clear()
	if err := p.proxy.Start(); err != nil && !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		p.t.Fatalf("redistest: open the proxy on %s: %v", p.addr, err)
	}
	for _, toxic := range toxics {
		if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			p.t.Fatalf("redistest: add %s: %v", toxic, err)
		}
	}
}

func (p *Proxy) clear() { p.proxy.Toxics.ResetToxics(context.Background()) }

// stall is a toxic that takes nothing and gives nothing until it is removed.
type stall struct{}

func init() { toxics.Register("rollcall_stall", new(stall)) }

// Pipe implements toxics.Toxic.
func (*stall) Pipe(stub *toxics.ToxicStub) { <-stub.Interrupt }
