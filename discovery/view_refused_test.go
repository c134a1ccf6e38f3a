package discovery_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A view says since when Redis refuses to renew leases, and why, also while it is stale.
func TestViewTellsOfRefusedRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src)
		same(t, "before", resolve(t, r).RefusedSince().IsZero(), true)
		since := time.Now()
		for _, stale := range []time.Time{{}, since.Add(time.Second)} {
			v := shop(1, "a", "b")
			v.Held, v.RefusedSince, v.Refused, v.StaleSince = []string{"a"}, since, registry.ErrUnavailable, stale
			src.set("shop", v)
			synctest.Wait()
			same(t, "since", resolve(t, r).RefusedSince(), since)
			same(t, "why", resolve(t, r).Refused(), registry.ErrUnavailable)
		}
		v := shop(1, "a", "b")
		v.StaleSince = since.Add(time.Second)
		src.set("shop", v)
		synctest.Wait()
		same(t, "no more, though it is stale", resolve(t, r).RefusedSince().IsZero(), true)
		same(t, "why", resolve(t, r).Refused(), nil)
	})
}
