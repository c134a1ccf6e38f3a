package discovery_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A hollow registry, Source and Follower hands out nil.
type hollow struct {
	registry.Registry
	registry.Follower
}

func (hollow) Watch(context.Context, ...registry.WatchOption) (registry.Watcher, error) {
	return nil, nil
}

type hollowSource struct{ f registry.Follower }

func (s hollowSource) Follow(string, ...registry.FollowOption) (registry.Follower, error) {
	return s.f, nil
}

type hollowFollower struct{}

func (hollowFollower) Next(context.Context) (*registry.View, error) { return nil, nil }
func (hollowFollower) Stop()                                        {}

// Nil never panics: what is optional has no effect, and the rest is refused by the call
// that is given it or, where that returns no error, by every later one.
func TestNilIsRefusedOrIgnored(t *testing.T) {
	var none context.Context
	ctx := t.Context()
	src := discovery.Static(static("shop", "", "a"))
	r := resolver(t, src, nil, discovery.Observe(nil))
	over := func(src discovery.Source, opts ...discovery.Option) error {
		opts = append(opts, discovery.Logger(zerolog.Nop()), discovery.Timeout(300*time.Millisecond), nil, discovery.Slog(nil))
		r := discovery.New(src, opts...)
		_, err := r.Pick(ctx, "shop")
		return errors.Join(err, r.Close())
	}
	next := func(src discovery.Source) error {
		f, err := src.Follow("shop")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		_, err = f.Next(none)
		return err
	}
	call := func(context.Context, *registry.Node) error { return nil }
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	send := func(r *discovery.Resolver, req *http.Request, opts ...discovery.TransportOption) error {
		resp, err := discovery.Transport(r, base, opts...).RoundTrip(req)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	get := func() *http.Request {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	pick := func(opts ...discovery.PickOption) error { _, err := r.Pick(ctx, "shop", opts...); return err }
	var noBalancer discovery.Balancer
	for name, c := range map[string]struct {
		call func() error
		want error // nil: it has no effect
	}{
		"New, source":                 {func() error { return over(nil) }, registry.ErrInvalid},
		"New, source and Preload":     {func() error { return over(nil, discovery.Preload("shop")) }, registry.ErrInvalid},
		"New, nil of a type":          {func() error { return over((*registry.Redis)(nil)) }, registry.ErrInvalid},
		"New, nil that knows":         {func() error { return over((*knowing)(nil)) }, registry.ErrInvalid},
		"New, options":                {func() error { return over(src, nil, discovery.Observe(nil)) }, nil},
		"New, balancer":               {func() error { return over(src, discovery.WithBalancer(nil)) }, registry.ErrInvalid},
		"Follow of a source":          {func() error { return over(hollowSource{}) }, registry.ErrInvalid},
		"Next of a source":            {func() error { return over(hollowSource{hollowFollower{}}) }, registry.ErrInvalid},
		"FromRegistry":                {func() error { return over(discovery.FromRegistry(nil)) }, registry.ErrInvalid},
		"FromRegistry, nil of a type": {func() error { return over(discovery.FromRegistry((*hollow)(nil))) }, registry.ErrInvalid},
		"Watch of a registry":         {func() error { return over(discovery.FromRegistry(hollow{})) }, registry.ErrInvalid},
		"Static, service":             {func() error { return over(discovery.Static(nil)) }, registry.ErrInvalid},
		"Static, node": {func() error {
			return over(discovery.Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{nil}}))
		}, registry.ErrInvalid},
		"Update":                    {func() error { return discovery.Static().Update(nil) }, registry.ErrInvalid},
		"Next of Static, context":   {func() error { return next(src) }, registry.ErrInvalid},
		"Next of FromRegistry":      {func() error { return next(discovery.FromRegistry(&scripted{})) }, registry.ErrInvalid},
		"Resolve, context":          {func() error { _, err := r.Resolve(none, "shop"); return err }, registry.ErrInvalid},
		"Resolve, context, options": {func() error { _, err := r.Resolve(none, "shop", discovery.Version("")); return err }, registry.ErrInvalid},
		"Pick, context":             {func() error { _, err := r.Pick(none, "shop"); return err }, registry.ErrInvalid},
		"Pick, unknown, context":    {func() error { _, err := r.Pick(none, "unknown"); return err }, registry.ErrInvalid},
		"Pick, option":              {func() error { return pick(nil) }, nil},
		"Pick, balancer":            {func() error { return pick(noBalancer) }, nil},
		"Pick, filter":              {func() error { return pick(discovery.Filter(nil)) }, registry.ErrInvalid},
		"Pick, FilterOption":        {func() error { return pick((*discovery.FilterOption)(nil)) }, registry.ErrInvalid},
		"Pick, another's option":    {func() error { return pick(struct{ discovery.PickOption }{}) }, registry.ErrInvalid},
		"Picked":                    {func() error { discovery.Picked{}.Done(nil); _ = discovery.Picked{}.Node(); return nil }, nil},
		"Do, context":               {func() error { return r.Do(none, "shop", call) }, registry.ErrInvalid},
		"Do, call":                  {func() error { return r.Do(ctx, "shop", nil) }, registry.ErrInvalid},
		"Do, option":                {func() error { return r.Do(ctx, "shop", call, nil) }, nil},
		"Broadcast, context":        {func() error { _, err := r.Broadcast(none, "shop", call); return err }, registry.ErrInvalid},
		"Broadcast, call":           {func() error { _, err := r.Broadcast(ctx, "shop", nil); return err }, registry.ErrInvalid},
		"Broadcast, option":         {func() error { _, err := r.Broadcast(ctx, "shop", call, nil); return err }, nil},
		"DialContext, context":      {func() error { _, err := r.DialContext(none, "tcp", "shop"); return err }, registry.ErrInvalid},
		"Dialer, option":            {func() error { _, err := r.Dialer(nil)(none, "tcp", "shop"); return err }, registry.ErrInvalid},
		"Permanent":                 {func() error { return discovery.Permanent(nil) }, nil},
		"Changes, option": {func() error {
			for range r.Changes(ctx, "shop", nil) {
				return nil
			}
			return errors.New("no view")
		}, nil},
		"Changes, context": {func() error {
			for range r.Changes(none, "shop") {
				return errors.New("a view")
			}
			return nil
		}, nil},
		"Transport, resolver": {func() error { return send(nil, get()) }, registry.ErrInvalid},
		"Transport, both":     {func() error { _, err := discovery.Transport(nil, nil).RoundTrip(get()); return err }, registry.ErrInvalid}, //nolint:bodyclose // there is none
		"Transport, options":  {func() error { return send(r, get(), nil, discovery.OnlyHosts(nil), discovery.PickBy(nil)) }, nil},
		"RoundTrip, request":  {func() error { return send(r, nil) }, registry.ErrInvalid},
		"RoundTrip, no URL":   {func() error { return send(r, &http.Request{}) }, registry.ErrInvalid},
		"RoundTrip, options by PickBy": {func() error {
			return send(r, get(), discovery.PickBy(func(*http.Request) []discovery.PickOption { return []discovery.PickOption{nil} }))
		}, nil},
		"Classify":      {func() error { _ = discovery.Classify(nil); return nil }, nil},
		"CallError":     {func() error { _ = (&discovery.CallError{}).Error(); return (&discovery.CallError{}).Unwrap() }, nil},
		"a nil failure": {func() error { p, err := r.Pick(ctx, "shop"); p.Done(&discovery.CallError{}); return err }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.call(); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A request that is refused has its body closed, as every RoundTripper has to.
func TestRefusedRequestIsClosed(t *testing.T) {
	body := &closing{Reader: strings.NewReader("x")}
	_, err := discovery.Transport(nil, nil).RoundTrip(&http.Request{Body: body}) //nolint:bodyclose // there is none
	wantErr(t, "no URL", err, registry.ErrInvalid)
	same(t, "closed", body.closed, true)
}

// knowing is a Knower.
type knowing struct{ fakeSource }

func (k *knowing) Knows(context.Context, string, ...registry.FollowOption) (bool, error) {
	return k.views != nil, nil
}
