package registry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The clock of a process says nothing about how old an entry of the catalogues
// is. The clock of a simulation starts in the year 2000, on a real Redis of today.
func TestCataloguesGoByRedisTime(t *testing.T) {
	server := redistest.SharedStandalone(t)
	admin, space, prefix := server.Client(), space(t), prefix(t)
	catalogues := map[string]string{space.Services(""): keys.ServiceMember("other", ""), space.Namespaces(): keys.NamespaceMember("other")}
	for name, ahead := range map[string]time.Duration{"ten days ahead": 10 * 24 * time.Hour, "ten days behind": -10 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			now, err := admin.Time(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			for key, member := range catalogues { // as other processes keep them
				if err := admin.ZAdd(t.Context(), key, redis.Z{Score: float64(now.UnixMilli()), Member: member}).Err(); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(now.Add(ahead)))
				client := redis.NewClient(&redis.Options{Addr: server.Addr()})
				r := registry.NewRegistry(registry.Client(client), registry.Prefix(prefix))
				register(t, r, service("shop", node("a")))
				for key, theirs := range catalogues {
					if err := client.ZScore(t.Context(), key, theirs).Err(); err != nil {
						t.Errorf("the entry of another process in %s: %v", key, err)
					}
				}
				for key, ours := range map[string]string{space.Services(""): keys.ServiceMember("shop", ""), space.Namespaces(): keys.NamespaceMember("")} {
					seen, err := client.ZScore(t.Context(), key, ours).Result()
					if off := time.UnixMilli(int64(seen)).Sub(now).Abs(); err != nil || off > time.Hour {
						t.Errorf("our entry in %s was seen %v from Redis's time, %v", key, off, err)
					}
				}
				if err := r.Close(context.Background()); err != nil {
					t.Error(err)
				}
				if err := client.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
