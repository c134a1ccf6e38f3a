package rollcall_test

import (
	"go/types"
	"strings"
	"testing"
)

// An option that a constructor would ignore does not compile. The table says which
// constructors take which options.
func TestHertzOptionsCompileWhereTheyHaveAnEffect(t *testing.T) {
	pkg, err := exported(t).Import(module + "hertzadapter")
	if err != nil {
		t.Fatal(err)
	}
	const registry, resolver, discovery, redisRegistry, redisResolver = "NewRegistry", "NewResolver", "Discovery", "NewRedisRegistry", "NewRedisResolver"
	want := map[string]string{
		"WithNamespace":     registry + " " + resolver + " " + discovery + " " + redisRegistry + " " + redisResolver,
		"WithTTL":           registry + " " + redisRegistry,
		"WithAdvertise":     registry + " " + redisRegistry,
		"WithStrict":        registry + " " + redisRegistry,
		"WithTimeout":       registry + " " + redisRegistry,
		"WithDrain":         registry + " " + redisRegistry,
		"WithCommunityKeys": registry + " " + redisRegistry + " " + redisResolver,
		"WithLogger":        registry + " " + redisRegistry + " " + redisResolver,
		"WithSlog":          registry + " " + redisRegistry + " " + redisResolver,

		"WithBalancer":  discovery,
		"WithHashKey":   discovery,
		"WithOnlyHosts": discovery,
		"WithAddresses": discovery,

		"WithRedisOptions":    redisRegistry + " " + redisResolver,
		"WithPassword":        redisRegistry + " " + redisResolver,
		"WithDB":              redisRegistry + " " + redisResolver,
		"WithTLSConfig":       redisRegistry + " " + redisResolver,
		"WithDialer":          redisRegistry + " " + redisResolver,
		"WithReadTimeout":     redisRegistry + " " + redisResolver,
		"WithWriteTimeout":    redisRegistry + " " + redisResolver,
		"WithExpireTime":      redisRegistry,
		"WithRefreshInterval": redisRegistry,
	}
	signature := func(name string) *types.Signature { return pkg.Scope().Lookup(name).Type().(*types.Signature) }
	found := 0
	for _, option := range pkg.Scope().Names() {
		if !strings.HasPrefix(option, "With") {
			continue
		}
		found++
		var takers []string
		for _, constructor := range []string{registry, resolver, discovery, redisRegistry, redisResolver} {
			params := signature(constructor).Params()
			takes := params.At(params.Len() - 1).Type().(*types.Slice).Elem()
			if types.AssignableTo(signature(option).Results().At(0).Type(), takes) {
				takers = append(takers, constructor)
			}
		}
		if got := strings.Join(takers, " "); got != want[option] {
			t.Errorf("%s compiles with %s, want %s", option, got, want[option])
		}
	}
	if found != len(want) {
		t.Errorf("found %d options, want %d", found, len(want))
	}
}
