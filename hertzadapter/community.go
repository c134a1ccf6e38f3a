package hertzadapter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/registry"
)

// communityPoll is how often the community's layout is read, less up to a fifth. Its
// newer writers publish no event for a change.
const communityPoll = 3 * time.Second

// CommunitySource returns a source for discovery.New that has the nodes of r and those in the
// layout of the community package hertz-contrib/registry/redis, so that a client finds old
// and new servers while a fleet moves. NewRedisResolver uses it.
//
// An address that is in both is one node, as r has it. The old layout has no namespaces: its
// nodes are in the namespace of r. It is read every 3 s, and at once when a server publishes a
// change, as older versions of that package do.
func CommunitySource(r *registry.Redis) discovery.Source { return communitySource{r, communityPoll} }

type communitySource struct {
	r    *registry.Redis
	poll time.Duration // how often the old layout is read, at least
}

var (
	_ discovery.Knower = communitySource{}

	errNoRegistry = invalid("CommunitySource was given no registry")
)

// Options are those of the registry.
func (s communitySource) Options() registry.Options {
	if s.r == nil {
		return registry.Options{}
	}
	return s.r.Options()
}

// Knows reports whether either layout has the service.
func (s communitySource) Knows(ctx context.Context, service string, opts ...registry.FollowOption) (bool, error) {
	if s.r == nil {
		return false, errNoRegistry
	}
	known, err := s.r.Knows(ctx, service, opts...)
	home := community.HomeOf(s.r)
	if known || err != nil || !atHome(home, opts) {
		return known, err
	}
	client, err := s.r.Client()
	if err != nil {
		return false, err
	}
	listed, err := community.Listed(ctx, client, service, home)
	return len(listed) > 0, err
}

// Follow follows a service in both layouts.
func (s communitySource) Follow(service string, opts ...registry.FollowOption) (registry.Follower, error) {
	if s.r == nil {
		return nil, errNoRegistry
	}
	client, err := s.r.Client()
	if err != nil {
		return nil, err
	}
	inner, err := s.r.Follow(service, opts...)
	home := community.HomeOf(s.r)
	if err != nil || !atHome(home, opts) {
		return inner, err
	}
	f := &communityFollower{Follower: inner, client: client, home: home, service: service, every: s.poll}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.tasks.Go(func() { f.poll(ctx) })
	return f, nil
}

// atHome reports whether a call concerns the one namespace that the old layout counts for.
func atHome(home community.Home, opts []registry.FollowOption) bool {
	namespace := registry.NewFollowOptions(opts...).Namespace
	return namespace == "" || namespace == home.Namespace
}

// A communityFollower hands out the views of the Follower that it embeds, with what
// the community's layout lists besides. A goroutine of its own, poll, reads that.
type communityFollower struct {
	registry.Follower
	client  redis.UniversalClient
	home    community.Home
	service string
	every   time.Duration // it reads the old layout, at least
	cancel  context.CancelFunc
	tasks   sync.WaitGroup

	mu     sync.Mutex
	view   *registry.View    // of the registry; nil before the first
	listed []community.Entry // by address, as last read; not ours
	known  bool              // listed was read at least once
	err    error             // of the last read
	fresh  bool              // view or listed were not handed out yet
	wake   func()            // ends Next's wait for the registry; nil while it does not wait
}

// Next waits for either layout to change. The first view waits for both; after that
// what was last read of the community's layout stays while it cannot be read.
func (f *communityFollower) Next(ctx context.Context) (*registry.View, error) {
	if ctx == nil {
		return f.Follower.Next(ctx) // says so
	}
	for {
		wait, cancel := context.WithCancel(ctx)
		if v := f.take(cancel); v != nil {
			cancel()
			return v, nil
		}
		v, err := f.Follower.Next(wait)
		cancel()
		f.mu.Lock()
		f.wake = nil
		readErr := f.err
		if err == nil {
			f.view, f.fresh = v, true
		}
		f.mu.Unlock()
		woken := errors.Is(err, context.Canceled) && ctx.Err() == nil
		if err != nil && !woken {
			if ctx.Err() != nil && readErr != nil {
				err = joined(err, readErr)
			}
			return nil, err
		}
	}
}

// take returns the view of both layouts if there is a new one, or else has poll call
// wake when there is.
func (f *communityFollower) take(wake func()) *registry.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fresh && f.known && f.view != nil {
		f.fresh = false
		return community.Merge(f.view, f.listed, f.service, f.home.Namespace)
	}
	f.wake = wake
	return nil
}

// Stop ends the following, and waits for poll.
func (f *communityFollower) Stop() {
	f.Follower.Stop()
	f.cancel()
	f.tasks.Wait()
}

// poll reads the community's layout again and again, and at once when a writer publishes
// a change.
func (f *communityFollower) poll(ctx context.Context) {
	sub := f.client.Subscribe(ctx, community.Key(f.service)) // a hint: it may fail
	defer sub.Close()
	changed := sub.ChannelWithSubscriptions() // each acknowledgement, too: what was published before is lost
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-changed:
			if !open { // the client was closed
				changed = nil
			}
			for len(changed) > 0 { // one read for all
				<-changed
			}
		case <-timer.C:
		}
		f.read(ctx)
		timer.Reset(actor.Shortened(f.every))
	}
}

// read takes what the layout lists.
func (f *communityFollower) read(ctx context.Context) {
	listed, err := community.Listed(ctx, f.client, f.service, f.home)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
		return
	}
	f.fresh = f.fresh || !f.known || !slices.EqualFunc(f.listed, listed, community.Entry.Equal)
	f.listed, f.known, f.err = listed, true, nil
	if f.fresh && f.wake != nil {
		f.wake()
	}
}
