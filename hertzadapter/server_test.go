package hertzadapter

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/client"
	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A hertzServer answers with its name until it is stopped.
type hertzServer struct {
	addr       string
	shut       chan error
	registered chan error    // what Register returned
	done       chan struct{} // closed when Spin has returned
}

// announced reports what Hertz's call of Register came to.
type announced struct {
	hertzregistry.Registry
	registered chan error
}

func (a announced) Register(info *hertzregistry.Info) error {
	err := a.Registry.Register(info)
	a.registered <- err
	return err
}

func serve(t *testing.T, name string, r hertzregistry.Registry, tags map[string]string) *hertzServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &hertzServer{
		addr:       l.Addr().String(),
		shut:       make(chan error, 1),
		registered: make(chan error, 1),
		done:       make(chan struct{}),
	}
	h := server.New(
		server.WithListener(l),
		server.WithRegistry(announced{r, s.registered}, &hertzregistry.Info{ServiceName: "shop", Addr: l.Addr(), Tags: tags}),
	)
	h.GET("/", func(_ context.Context, c *app.RequestContext) { c.String(consts.StatusOK, "%s", name) })
	h.GET("/to", func(_ context.Context, c *app.RequestContext) { c.Redirect(consts.StatusFound, []byte(c.Query("url"))) })
	h.SetCustomSignalWaiter(func(failed chan error) error {
		select {
		case err := <-failed:
			return err
		case err := <-s.shut:
			return err
		}
	})
	go func() {
		defer close(s.done)
		h.Spin()
	}()
	t.Cleanup(func() { s.stop(t) })
	await(t, "the server runs", h.IsRunning) // a shutdown before that is none to Hertz
	return s
}

// up waits until Hertz has registered the server.
func (s *hertzServer) up(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.registered:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Hertz has not registered the server")
	}
}

// stop shuts the server down, as SIGTERM does. It may be called twice.
func (s *hertzServer) stop(t *testing.T) {
	t.Helper()
	select {
	case s.shut <- nil:
	default:
	}
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		t.Error("the server has not stopped")
	}
}

// A hertzClient calls the service "shop".
type hertzClient struct{ c *client.Client }

func dialer(t *testing.T, v hertzdiscovery.Resolver, opts ...sd.ServiceDiscoveryOption) hertzClient {
	t.Helper()
	c, err := client.NewClient()
	must(t, err)
	c.Use(sd.Discovery(v, opts...))
	t.Cleanup(c.CloseIdleConnections)
	return hertzClient{c}
}

func (c hertzClient) call(opts ...config.RequestOption) (string, error) {
	status, body, err := c.c.Get(context.Background(), nil, "http://shop/", append(opts, config.WithSD(true))...)
	if err == nil && status != consts.StatusOK {
		err = errors.New(string(body))
	}
	return string(body), err
}

// connect returns a registry at url that ends with the test.
func connect(t *testing.T, url string, opts ...registry.Option) *registry.Redis {
	t.Helper()
	r := registry.NewRegistry(append(opts, registry.URL(url))...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = r.Close(ctx) // some tests take Redis away
	})
	return r
}

// live returns a resolver over r that ends with the test.
func live(t *testing.T, r discovery.Source) *discovery.Resolver {
	t.Helper()
	d := discovery.New(r, discovery.Timeout(time.Second))
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// await waits until ok returns true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("has not come: %s", what)
		}
	}
}
