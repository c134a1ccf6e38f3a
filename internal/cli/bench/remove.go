package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/registry"
)

// page is how many keys a pipeline removes.
const page = 500

// remove removes the nodes of a service, also after an interrupt, and then every key that
// they have left: tombstones, the version, the log and the entry of the catalogue.
func (p *plan) remove(r *registry.Redis, service string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lease)
	defer cancel()
	if err := r.Deregister(ctx, &registry.Service{Name: service}); err != nil {
		return err
	}
	space, err := keys.New(r.Options().Prefix)
	if err != nil {
		return err
	}
	client, err := r.Client()
	if err != nil {
		return err
	}
	ns := keys.Namespace(r.Options().Namespace)
	s := space.Service(ns, service)
	left := []string{s.Index(), s.Version(), s.Log()}
	for i := range p.nodes {
		left = append(left, s.Node(id(i)))
	}
	for some := range slices.Chunk(left, page) {
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, key := range some {
				pipe.Del(ctx, key)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("remove what the run has left: %w", err)
		}
	}
	if err := client.ZRem(ctx, space.Services(ns), keys.ServiceMember(service, "")).Err(); err != nil {
		return fmt.Errorf("remove what the run has left: %w", err)
	}
	return nil
}
