package lua

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rollcall-go/rollcall/internal/keys"
)

// MaxMembers is how many members one announce.lua enters: more would hold Redis
// for over a millisecond.
const MaxMembers = 500

// AnnounceCall enters members in one catalogue.
type AnnounceCall struct {
	Key     string
	Members []string

	// Forget is how long an entry, and the catalogue as a whole, outlives the last
	// call that entered it: whole milliseconds, by Redis's clock.
	Forget time.Duration
}

// An Entry is a version of a service, for the catalogues.
type Entry struct {
	Service keys.Service
	Version string
}

// Catalogued returns the calls that enter versions in the catalogue of their namespace, and
// the namespaces in theirs.
func Catalogued(space keys.Space, forget time.Duration, entries []Entry) []AnnounceCall {
	byNamespace := map[string][]string{}
	for _, e := range entries {
		ns := e.Service.Namespace()
		byNamespace[ns] = append(byNamespace[ns], keys.ServiceMember(e.Service.Name(), e.Version))
	}
	namespaces := AnnounceCall{Key: space.Namespaces(), Forget: forget}
	var calls []AnnounceCall
	for ns, members := range byNamespace {
		slices.Sort(members)
		calls = append(calls, AnnounceCall{Key: space.Services(ns), Members: slices.Compact(members), Forget: forget})
		namespaces.Members = append(namespaces.Members, keys.NamespaceMember(ns))
	}
	return append(calls, namespaces)
}

// Announce runs announce.lua for each call, and more than once for one of over
// MaxMembers members, all in one pipeline. It returns the first failure.
func Announce(ctx context.Context, c redis.UniversalClient, calls ...AnnounceCall) error {
	var sent []call
	for _, a := range calls {
		for members := range slices.Chunk(a.Members, MaxMembers) {
			args := []any{a.Forget.Milliseconds()}
			for _, m := range members {
				args = append(args, m)
			}
			sent = append(sent, call{script: announce, keys: []string{a.Key}, args: args})
		}
	}
	var failed error
	for _, cmd := range replies(ctx, c, sent) {
		failed = cmp.Or(failed, cmd.Err())
	}
	return failed
}
