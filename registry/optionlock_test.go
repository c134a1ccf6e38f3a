package registry

import (
	"errors"
	"testing"
	"time"
)

// An option is a function of the user's: it may call the registry, and is called
// while no mutex is held.
func TestOptionsRunUnderNoMutex(t *testing.T) {
	ran := 0
	var r *Redis
	r = NewRegistry(Addrs("127.0.0.1:1"), func(*Options) {
		if ran++; !r.mu.TryLock() {
			t.Error("an option runs under the mutex")
			return
		}
		r.mu.Unlock()
	})
	r.Options()
	if _, err := r.Client(); err != nil {
		t.Error(err)
	}
	if ran != 2 {
		t.Errorf("the option ran %d times, want 2", ran)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Options that Init adds while the options are read take effect, and so does Close.
func TestOptionsAreReadAgainAfterInit(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(*Redis)
		want      error
		ttl       time.Duration
	}{
		"Init connected": {func(r *Redis) { _ = r.Init(TTL(7 * time.Second)) }, nil, 7 * time.Second},
		"Init added": {func(r *Redis) {
			r.mu.Lock() // Init has not come further yet
			defer r.mu.Unlock()
			r.opts = append(r.opts, TTL(7*time.Second))
		}, nil, 7 * time.Second},
		"Close": {func(r *Redis) { _ = r.Close(t.Context()) }, ErrClosed, DefaultTTL},
	} {
		t.Run(name, func(t *testing.T) {
			ran := false
			var r *Redis
			r = NewRegistry(Addrs("127.0.0.1:1"), func(*Options) {
				if !ran {
					ran = true
					tc.meanwhile(r)
				}
			})
			if _, err := r.Client(); !errors.Is(err, tc.want) {
				t.Errorf("Client: %v, want %v", err, tc.want)
			}
			if got := r.Options().TTL; got != tc.ttl {
				t.Errorf("TTL %v, want %v", got, tc.ttl)
			}
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
