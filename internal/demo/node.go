package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

// A nodeConfig is the first line that a node reads. It comes that way because a
// URL may hold a password, and every user of the machine sees command lines.
type nodeConfig struct{ Name, Redis, Prefix string }

// errAlone says that the demo has ended, or died.
var errAlone = errors.New("standard input ended")

// RunNode is the main function of a node process: a Hertz server that registers
// itself. It leaves gracefully at the line "leave" and at a SIGTERM, and withdraws
// and ends at once when in ends. It returns an error if it could not register.
func RunNode(in io.Reader, out io.Writer) error {
	silence()
	signal.Ignore(os.Interrupt) // Ctrl-C reaches the demo too, and that ends us
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	var cfg nodeConfig
	if err := json.Unmarshal(first, &cfg); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}

	r := registry.NewRegistry(registry.URL(cfg.Redis), registry.Prefix(cfg.Prefix), registry.TTL(ttl), registry.Interval(interval))
	a := &announcer{Registry: hertzadapter.NewRegistry(r, hertzadapter.WithDrain(drainFor)), out: out}
	h := server.New(
		server.WithListener(listener),
		server.WithRegistry(a, &hertzregistry.Info{
			ServiceName: serviceName,
			Addr:        listener.Addr(),
			Tags:        map[string]string{tagNode: cfg.Name},
		}),
	)
	h.GET("/", func(_ context.Context, c *app.RequestContext) { c.String(consts.StatusOK, "%s", cfg.Name) })

	var ended error
	orders := follow(lines)
	h.SetCustomSignalWaiter(func(failed chan error) error {
		select {
		case ended = <-orders:
		case ended = <-failed:
		}
		return ended
	})
	h.Spin()

	ctx, cancel := context.WithTimeout(context.Background(), closeWithin/2)
	defer cancel()
	if errors.Is(ended, errAlone) {
		ended = nil
	}
	return errors.Join(ended, r.Close(ctx))
}

// follow returns when the node has to end: nil means gracefully, errAlone at once.
// Its goroutines end with the process.
func follow(lines *bufio.Reader) <-chan error {
	orders := make(chan error, 2)
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		orders <- nil
	}()
	go func() {
		if line, _ := lines.ReadString('\n'); line == leaveLine+"\n" {
			orders <- nil
			return
		}
		orders <- errAlone
	}()
	return orders
}

// An announcer writes a line when Hertz registers or deregisters the server.
type announcer struct {
	hertzregistry.Registry
	out io.Writer
}

// Register passes the call on.
func (a *announcer) Register(info *hertzregistry.Info) error {
	a.say(registering)
	return a.Registry.Register(info)
}

// Deregister passes the call on.
func (a *announcer) Deregister(info *hertzregistry.Info) error {
	a.say(deregistering)
	return a.Registry.Deregister(info)
}

func (a *announcer) say(m moment) {
	_, _ = fmt.Fprintf(a.out, "%s %d\n", m, time.Now().UnixNano()) // a demo that is gone reads nothing
}
