package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/registry"
)

// NewRegistry returns a registry for server.WithRegistry that registers servers in r and renews
// their leases. It takes any number of Infos; service name and Addr identify an Info. The tags
// become the metadata of the node, and the tags "version" and "zone" also its version and
// zone. The caller closes r after the servers have stopped.
//
// Register returns registry.ErrInvalid for an Info that is wrong and for options that do not
// suit the server, and registry.ErrPermission for a wrong password or a missing right; the
// text says what to set. If Redis is away, it returns nil and registers the server in the
// background, unless WithStrict is given. After that, renewal is tried until Deregister.
//
// Deregister returns within WithTimeout, and returns nil also if Redis does not answer: the
// node is then gone when its lease ends. If Deregister is called before the first Register of
// the same *Info, as after a SIGTERM in the first second of a server, that one Register does
// nothing, and later ones register again. A second Deregister does nothing.
//
// With WithCommunityKeys r must be a *registry.Redis.
func NewRegistry(r registry.Registry, opts ...RegistryOption) hertzregistry.Registry {
	return newRegistrar(shared(r), newOptions(opts))
}

func newRegistrar(h *holder, o options) *registrar {
	a := &registrar{holder: h, o: o, live: make(map[infoKey]*registration)}
	a.phases = newPhases(&a.mu)
	return a
}

type registrar struct {
	holder *holder
	o      options

	mu     sync.Mutex // held for a moment alone: nothing is called or logged under it
	live   map[infoKey]*registration
	phases phases
}

// A registration is one Info that was registered and not yet deregistered.
type registration struct {
	r       registry.Registry
	service *registry.Service
	mirror  *mirror            // nil without the community's layout
	cancel  context.CancelFunc // ends Register
	done    chan struct{}      // closed when Register is over

	// Under the registrar's mutex:
	before *registration // what this one replaces, until it has succeeded
	failed bool
}

// Register announces info. See NewRegistry.
func (a *registrar) Register(info *hertzregistry.Info) error {
	if err := joined(checkInfo(info), a.o.check()); err != nil {
		return err
	}
	network, address, err := advertised(info.Addr, a.o.advertise)
	if err != nil {
		return err
	}
	log := a.o.logger.With().Str("service", info.ServiceName).Str("node", address).Logger()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reg := &registration{service: service(info, network, address), cancel: cancel, done: make(chan struct{})}
	old, err := a.begin(info, reg, log)
	switch {
	case errors.Is(err, errEarly):
		log.Info().Msg("rollcall: not registered: the server was shut down before")
		return nil
	case err != nil:
		return err
	}
	defer close(reg.done)
	if strings.ContainsFunc(info.ServiceName, func(c rune) bool { return 'A' <= c && c <= 'Z' }) {
		log.Warn().Msg("rollcall: Hertz clients ask for names in lower case only, and will not find this service: write its name in lower case")
	}
	if a.o.community && reg.mirror == nil {
		log.Warn().Msg("rollcall: the community's layout knows TCP alone and does not show this node")
	}
	if old != nil { // its Register may still be under way
		select {
		case <-old.done:
		case <-ctx.Done():
		}
	}

	err = reg.register(ctx, a.o)
	switch {
	case ctx.Err() != nil:
		return nil // Deregister came meanwhile; Hertz no longer waits for an answer
	case err != nil:
		if a.undo(info, reg) {
			a.release(ctx, log)
		}
		return toSet(err)
	}
	a.succeeded(reg)
	if reg.mirror != nil {
		if old != nil {
			reg.mirror.set(reg.service)
		}
		reg.mirror.wait(ctx)
	}
	return nil
}

// register announces the service. OnState reports come from a goroutine of the
// registry's, which also logs them.
func (reg *registration) register(ctx context.Context, o options) error {
	opts := o.registerOptions()
	if reg.mirror != nil {
		opts = append(opts, registry.OnState(func(s registry.State, _ error) { reg.mirror.follow(s) }))
	}
	if !o.strict {
		opts = append(opts, registry.RegisterRetry())
	}
	return reg.r.Register(ctx, reg.service, opts...)
}

// toSet adds to an error what has to be set, where Redis does not know the password.
func toSet(err error) error {
	for _, code := range []string{"NOAUTH", "WRONGPASS"} {
		if redis.HasErrorPrefix(err, code) {
			return fmt.Errorf("%w: set the password of Redis, by WithPassword or in the options of the registry", err)
		}
	}
	return err
}

// Deregister withdraws info. See NewRegistry.
func (a *registrar) Deregister(info *hertzregistry.Info) error {
	if err := checkInfo(info); err != nil {
		return err
	}
	log := a.o.logger.With().Str("service", info.ServiceName).Str("addr", info.Addr.String()).Logger()
	reg, under := a.end(info)
	if reg == nil {
		log.Info().Msg("rollcall: nothing to deregister: it is not registered")
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.o.timeout)
	defer cancel()
	for _, reg := range under {
		reg.cancel()
		select {
		case <-reg.done:
		case <-ctx.Done():
		}
	}
	// Some of the time is for closing what is left open, also where Redis hangs.
	most, stop := context.WithTimeout(ctx, a.o.timeout-(a.o.timeout-a.o.drain)/6)
	defer stop()
	if err := reg.withdraw(most, a.o); err != nil && !errors.Is(err, registry.ErrClosed) { // Close withdraws everything
		log.Warn().Err(err).Msg("rollcall: the server could not deregister: if Redis has its node, it goes when its lease runs out")
	}
	a.release(ctx, log)
	return nil
}

// withdraw takes the node out of the community's layout, whose readers know no
// draining; then it drains the node where that was asked for, and removes it. Each of
// the first two calls has a third of what the drain leaves of the timeout.
func (reg *registration) withdraw(ctx context.Context, o options) error {
	share := (o.timeout - o.drain) / 3
	var errs []error
	if reg.mirror != nil {
		errs = append(errs, within(ctx, share, reg.mirror.close))
	}
	announced := false
	if o.drain > 0 {
		err := within(ctx, share, func(ctx context.Context) error {
			return reg.r.Register(ctx, draining(reg.service), o.registerOptions()...)
		})
		if announced = err == nil; announced {
			pause(ctx, o.drain)
		} else {
			errs = append(errs, fmt.Errorf("announce the drain to clients: %w", err))
		}
	}
	err := reg.r.Deregister(ctx, reg.service, o.deregisterOptions()...)
	if err == nil && !announced { // callers see only now that the node leaves, and need as long
		pause(ctx, o.drain)
	}
	return joined(append(errs, err)...)
}

// within calls f with a context that ends after d.
func within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// pause waits for d, or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// errEarly: a Deregister came before its Register.
var errEarly = errors.New("deregistered before")
