package registry

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// GetService returns the live nodes of a service as Redis has them now: one *Service for each
// version, ordered by namespace and version, its nodes by ID. A node is live until its lease
// ends. If there is no live node, it returns ErrNotFound, never an empty slice with a nil
// error.
//
// A record that cannot be read, such as one of a future version, is left out and logged. If
// there is no other, it is an error.
func (r *Redis) GetService(ctx context.Context, name string, opts ...GetOption) ([]*Service, error) {
	call := operation{op: "get", namespace: apply(opts).namespace, service: name}
	return run(ctx, r, call, get)
}

func get(ctx context.Context, op *operation) ([]*Service, error) {
	c, name := op.c, op.service
	if name == "" {
		return nil, ErrNotFound
	}
	if err := checkText("Name", name); err != nil {
		return nil, err
	}
	if err := c.Meet(ctx); err != nil {
		return nil, err
	}
	namespaces, err := op.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	wanted := make([]keys.Service, len(namespaces))
	for i, ns := range namespaces {
		wanted[i] = c.Space.Service(ns, name)
	}
	found, err := c.read(ctx, wanted)
	if err != nil {
		return nil, err
	}
	services, err := c.assemble(ctx, found)
	if err == nil && len(services) == 0 {
		err = ErrNotFound
	}
	return services, err
}

// ListServices returns the name, version and namespace of each service with a live node,
// without nodes, metadata or endpoints. It reads every node of the namespaces, in pages: use
// it for people and dashboards, not for each request.
func (r *Redis) ListServices(ctx context.Context, opts ...ListOption) ([]*Service, error) {
	return run(ctx, r, operation{op: "list", namespace: apply(opts).namespace}, list)
}

func list(ctx context.Context, op *operation) ([]*Service, error) {
	c := op.c
	if err := c.Meet(ctx); err != nil {
		return nil, err
	}
	namespaces, err := op.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	var wanted []keys.Service
	for _, ns := range namespaces {
		names, err := c.Names(ctx, ns)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, names...)
	}
	services := []*Service{}
	seen := map[serviceVersion]bool{}
	for chunk := range slices.Chunk(wanted, redisconn.PageSize/2) {
		found, err := c.read(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if v := f.serviceVersion(); !seen[v] {
				seen[v] = true
				services = append(services, v.service())
			}
		}
	}
	slices.SortFunc(services, byVersion)
	return services, nil
}

// assemble makes a Service of the nodes of each version. What belongs to the
// version is that of the node that changed last.
func (c *conn) assemble(ctx context.Context, found []foundNode) ([]*Service, error) {
	versions := map[serviceVersion]*foundVersion{}
	for i := range found {
		f := &found[i]
		v := versions[f.serviceVersion()]
		if v == nil {
			v = &foundVersion{f.serviceVersion().service(), f}
			versions[f.serviceVersion()] = v
		}
		v.Nodes = append(v.Nodes, fromRecord(f.id, f.record))
		if f.rev >= v.newest.rev {
			v.newest = f
		}
	}
	all := slices.Collect(maps.Values(versions))
	if err := c.document(ctx, all); err != nil {
		return nil, err
	}
	var services []*Service
	for _, v := range all {
		v.describe(v.newest.record)
		v.Metadata = maps.Clone(v.Metadata) // it may be that of another version
		slices.SortFunc(v.Nodes, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
		services = append(services, v.Service)
	}
	slices.SortFunc(services, byVersion)
	return services, nil
}

// A foundVersion is a version, and the node that changed last.
type foundVersion struct {
	*Service
	newest *foundNode
}

// document gives each version the API document of its newest node.
func (c *conn) document(ctx context.Context, versions []*foundVersion) error {
	documented := slices.DeleteFunc(slices.Clone(versions), func(v *foundVersion) bool { return v.newest.record.APIs == "" })
	replies, err := redisconn.Pipelined(ctx, c.Conn, documented, func(p redis.Pipeliner, v *foundVersion) *redis.SliceCmd {
		return p.HMGet(ctx, v.newest.service.Node(v.newest.id), "apis")
	})
	if err != nil {
		return err
	}
	for i, v := range documented {
		if document, ok := replies[i].Val()[0].(string); ok { // else the node left meanwhile
			v.APIs = []byte(document)
		}
	}
	return nil
}

func byVersion(a, b *Service) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
}

// namespaces returns those that a call reads.
func (o *operation) namespaces(ctx context.Context) ([]string, error) {
	if o.namespace != keys.AllNamespaces {
		if err := checkNamespace("Namespace", o.namespace); err != nil {
			return nil, err
		}
	}
	return o.c.Namespaces(ctx, o.namespace)
}
