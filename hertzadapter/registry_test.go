package hertzadapter

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/registry"
)

func shopAt(addr string) *hertzregistry.Info {
	return &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", addr)}
}

func wantLog(t *testing.T, f *fake, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, f.log()); d != "" {
		t.Errorf("the registry was asked for (-want +got):\n%s", d)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRegisterAnnouncesWhatTheInfoSays(t *testing.T) {
	f := &fake{}
	must(t, NewRegistry(f).Register(&hertzregistry.Info{
		ServiceName: "shop",
		Addr:        utils.NewNetAddr("tcp", "10.0.0.1:8888"),
		Weight:      25,
		Tags:        map[string]string{"version": "v2", "zone": "eu-1", "team": "blue"},
	}))
	want := []*registry.Service{{
		Name:    "shop",
		Version: "v2",
		Nodes: []*registry.Node{{
			Network:  "tcp",
			Address:  "10.0.0.1:8888",
			Weight:   25,
			Zone:     "eu-1",
			Metadata: map[string]string{"version": "v2", "zone": "eu-1", "team": "blue"},
		}},
	}}
	if d := cmp.Diff(want, f.services); d != "" {
		t.Errorf("registered (-want +got):\n%s", d)
	}
}

func TestBadInputFailsLoudlyAndReachesNoRegistry(t *testing.T) {
	bad := map[string]struct {
		info *hertzregistry.Info
		opts []RegistryOption
		want string
	}{
		"nil":            {info: nil, want: "Info is nil"},
		"no name":        {info: &hertzregistry.Info{Addr: utils.NewNetAddr("tcp", "10.0.0.1:80")}, want: "ServiceName"},
		"no address":     {info: &hertzregistry.Info{ServiceName: "shop"}, want: "utils.NewNetAddr"},
		"port 0":         {info: shopAt("10.0.0.1:0"), want: "port 0"},
		"no port":        {info: shopAt("10.0.0.1"), want: "host:port"},
		"weight":         {info: &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:80"), Weight: -1}, want: "Weight is -1"},
		"advertise":      {info: shopAt("10.0.0.1:80"), opts: []RegistryOption{WithAdvertise("0.0.0.0")}, want: "WithAdvertise"},
		"wrong network":  {info: &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("udp", "10.0.0.1:80")}, want: `"udp"`},
		"empty unix":     {info: &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("unix", "")}, want: "unix socket"},
		"drain":          {info: shopAt("10.0.0.1:80"), opts: []RegistryOption{WithDrain(2100 * time.Millisecond)}, want: "two thirds of WithTimeout, which is 3s"},
		"negative drain": {info: shopAt("10.0.0.1:80"), opts: []RegistryOption{WithDrain(-1)}, want: "WithDrain(-1ns)"},
		"no redis":       {info: shopAt("10.0.0.1:80"), opts: []RegistryOption{WithCommunityKeys(true)}, want: "*hertzadapter.fake"},
		"port is a name": {info: shopAt("10.0.0.1:http"), want: `"http"`},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			err := NewRegistry(f, c.opts...).Register(c.info)
			if !errors.Is(err, registry.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Register: %v, want ErrInvalid with %q", err, c.want)
			}
			wantLog(t, f)
		})
	}
}

func TestNoRegistry(t *testing.T) {
	if err := NewRegistry(nil).Register(shopAt("10.0.0.1:80")); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("Register without a registry: %v, want ErrInvalid", err)
	}
}

func TestManyInfosInOneRegistry(t *testing.T) {
	f := &fake{}
	a := NewRegistry(f)
	must(t, a.Register(shopAt("10.0.0.1:80")))
	must(t, a.Register(shopAt("10.0.0.2:80")))
	must(t, a.Deregister(shopAt("10.0.0.1:80"))) // an equal Info, not the same
	must(t, a.Deregister(shopAt("10.0.0.2:80")))
	wantLog(t, f,
		"register shop 10.0.0.1:80 up", "register shop 10.0.0.2:80 up",
		"deregister shop 10.0.0.1:80 up", "deregister shop 10.0.0.2:80 up")
}

func TestDeregisterWithdrawsWhatWasAnnounced(t *testing.T) {
	f := &fake{}
	a := NewRegistry(f)
	info := shopAt("0.0.0.0:80")
	t.Setenv("POD_IP", "10.1.1.1")
	must(t, a.Register(info))
	t.Setenv("POD_IP", "10.2.2.2")
	must(t, a.Deregister(info))
	wantLog(t, f, "register shop 10.1.1.1:80 up", "deregister shop 10.1.1.1:80 up")
}

func TestDeregisterBeforeRegisterCancelsThatOneRegister(t *testing.T) {
	var log bytes.Buffer
	f := &fake{}
	a := NewRegistry(f, WithLogger(zerolog.New(&log)))
	info := shopAt("10.0.0.1:80")

	must(t, a.Deregister(info))
	must(t, a.Register(info)) // Hertz's late one
	wantLog(t, f)
	if !strings.Contains(log.String(), "not registered: the server was shut down before") {
		t.Errorf("the log does not say why:\n%s", &log)
	}

	must(t, a.Register(info)) // the next run of a server
	must(t, a.Deregister(info))
	must(t, a.Register(info))
	wantLog(t, f, "register shop 10.0.0.1:80 up", "deregister shop 10.0.0.1:80 up", "register shop 10.0.0.1:80 up")
}

func TestEarlyDeregisterLeavesOtherInfosAlone(t *testing.T) {
	f := &fake{}
	a := NewRegistry(f)
	must(t, a.Deregister(shopAt("10.0.0.1:80")))
	must(t, a.Register(shopAt("10.0.0.1:80"))) // another server's Info
	wantLog(t, f, "register shop 10.0.0.1:80 up")
}

func TestDeregisterEndsARegisterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{register: hang}
		a := NewRegistry(f)
		info := shopAt("10.0.0.1:80")
		registered := make(chan error, 1)
		go func() { registered <- a.Register(info) }()
		synctest.Wait()

		must(t, a.Deregister(info))
		if err := <-registered; err != nil {
			t.Errorf("Register: %v, want nil: no caller waits for it any more", err)
		}
		wantLog(t, f, "register shop 10.0.0.1:80 up", "deregister shop 10.0.0.1:80 up")
	})
}

func TestDeregisterIsBoundedAndNilOnAnOutage(t *testing.T) {
	for _, drain := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			f := &fake{}
			a := NewRegistry(f, WithDrain(drain), WithLogger(zerolog.New(&log)))
			must(t, a.Register(shopAt("10.0.0.1:80")))
			log.Reset()
			f.register, f.deregister = hang, hang

			start := time.Now()
			must(t, a.Deregister(shopAt("10.0.0.1:80")))
			if took := time.Since(start); took > DefaultTimeout {
				t.Errorf("drain %v: Deregister took %v, want at most %v", drain, took, DefaultTimeout)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), `"level":"warn"`) {
				t.Errorf("drain %v: want one warning in the log, got:\n%s", drain, &log)
			}
		})
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		a := NewRegistry(f, WithDrain(6*time.Second), WithTimeout(9*time.Second))
		must(t, a.Register(shopAt("10.0.0.1:80")))
		start := time.Now()
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("Deregister took %v, want the 6s of the drain", took)
		}
		wantLog(t, f, "register shop 10.0.0.1:80 up", "register shop 10.0.0.1:80 draining", "deregister shop 10.0.0.1:80 up")
	})
}

// Where the drain cannot be announced, callers see the removal, and the server
// serves on for them all the same.
func TestDrainThatIsNotAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		a := NewRegistry(f, WithDrain(6*time.Second), WithTimeout(9*time.Second))
		must(t, a.Register(shopAt("10.0.0.1:80")))
		start := time.Now()
		f.register = hang
		var removed time.Duration
		f.deregister = func(context.Context, *registry.Service) error {
			removed = time.Since(start)
			return nil
		}
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
		if took := time.Since(start); removed != time.Second || took != 7*time.Second {
			t.Errorf("removed after %v, want the 1s that the announcement may take; Deregister took %v, want 6s more", removed, took)
		}
	})
}

func TestAFailedRegisterLeavesNothing(t *testing.T) {
	f := &fake{register: func(context.Context, *registry.Service) error { return registry.ErrUnavailable }}
	a := NewRegistry(f, WithStrict())
	info := shopAt("10.0.0.1:80")
	if err := a.Register(info); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Register: %v, want ErrUnavailable", err)
	}
	must(t, a.Deregister(info))
	wantLog(t, f, "register shop 10.0.0.1:80 up")
}

func TestAFailedRegisterKeepsTheOneBefore(t *testing.T) {
	f := &fake{}
	a := NewRegistry(f)
	info := shopAt("10.0.0.1:80")
	must(t, a.Register(info))
	f.register = func(context.Context, *registry.Service) error { return registry.ErrInvalid }
	if err := a.Register(info); err == nil {
		t.Fatal("Register: nil, want an error")
	}
	must(t, a.Deregister(info))
	wantLog(t, f, "register shop 10.0.0.1:80 up", "register shop 10.0.0.1:80 up", "deregister shop 10.0.0.1:80 up")
}

func TestUpperCaseNamesGetAWarning(t *testing.T) {
	for name, want := range map[string]bool{"Shop": true, "shop": false, "Äpfel": false} {
		var log bytes.Buffer
		info := shopAt("10.0.0.1:80")
		info.ServiceName = name
		must(t, NewRegistry(&fake{}, WithLogger(zerolog.New(&log))).Register(info))
		if got := strings.Contains(log.String(), "lower case"); got != want {
			t.Errorf("%s: warned %v, want %v", name, got, want)
		}
	}
}
