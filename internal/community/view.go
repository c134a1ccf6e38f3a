package community

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rollcall-go/rollcall/registry"
)

// The tags that have a meaning for Rollcall.
const (
	TagVersion = "version"
	TagZone    = "zone"
)

// Timeout is that of one call to Redis.
const Timeout = time.Second

// HomeOf returns the home of a registry's nodes.
func HomeOf(r *registry.Redis) Home {
	o := r.Options()
	return Home{Prefix: o.Prefix, Namespace: o.Namespace}
}

// Listed returns the entries of a service that are not at home, by address.
func Listed(ctx context.Context, client redis.UniversalClient, service string, home Home) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	key := Key(service)
	values, err := client.HGetAll(ctx, key).Result()
	if err != nil {
		kind := registry.ErrUnavailable
		switch {
		case errors.Is(err, context.Canceled):
			return nil, err
		case redis.HasErrorPrefix(err, "NOPERM"):
			kind = registry.ErrPermission
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			kind = registry.ErrConflict
		}
		return nil, fmt.Errorf("%w: read the community's layout, %s: %w", kind, key, err)
	}
	return foreign(values, home), nil
}

// foreign are the entries that are not ours, by address. Of ours the registry knows
// better. What cannot be read, or dialed, is passed over.
func foreign(values map[string]string, home Home) []Entry {
	var entries []Entry
	for _, value := range values {
		if e, err := Decode(value); err == nil && !e.Of(home) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Addr, b.Addr), strings.Compare(a.Encode(), b.Encode()))
	})
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a.Addr == b.Addr })
}

// Equal says whether two entries are the same value.
func (e Entry) Equal(other Entry) bool { return e.Encode() == other.Encode() }

// Merge returns v with the entries that it does not have yet, by address. It does not change
// v, which is shared.
func Merge(v *registry.View, listed []Entry, service, namespace string) *registry.View {
	known := map[string]bool{}
	for _, version := range v.Services {
		for _, n := range version.Nodes {
			known[n.Address] = true
		}
	}
	merged := *v
	merged.Services = slices.Clone(v.Services)
	copied := map[string]*registry.Service{}
	for _, e := range listed {
		if known[e.Addr] {
			continue
		}
		name := e.Tags[TagVersion]
		version := copied[name]
		if version == nil {
			version = &registry.Service{Name: service, Version: name, Namespace: namespace}
			at, found := slices.BinarySearchFunc(merged.Services, name, func(s *registry.Service, name string) int {
				return strings.Compare(s.Version, name)
			})
			if found {
				*version = *merged.Services[at]
				version.Nodes = slices.Clone(version.Nodes)
				merged.Services[at] = version
			} else {
				merged.Services = slices.Insert(merged.Services, at, version)
			}
			copied[name] = version
		}
		version.Nodes = append(version.Nodes, e.Node())
	}
	return &merged
}

// Node returns the node that an entry describes. The old reader takes a weight of zero or
// less for 10, and so for our default.
func (e Entry) Node() *registry.Node {
	return &registry.Node{
		ID: e.Addr, Network: "tcp", Address: e.Addr,
		Weight: max(e.Weight, 0), Zone: e.Tags[TagZone], Metadata: e.Tags,
	}
}
