package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// Export is rollcall export.
func Export(app *cli.App) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all records and overrides as JSON",
		Long: `Write all live nodes, as they registered themselves, and all overrides that are in force,
as JSON: those of the namespace, or of all with -A. Services are read one after
the other, so that the file is no snapshot of one moment. Nodes and overrides have the fields
that rollcall get -o json gives them.

rollcall import brings back overrides, and nodes that nobody renews.`,
		Example: "  rollcall export >registry.json\n  rollcall export -A | jq '.overrides'",
		Args:    cobra.NoArgs,
		RunE: app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
			namespace := ""
			if all {
				namespace = "*"
			}
			doc, err := export(cmd.Context(), r, namespace)
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(doc)
		}),
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "those of all namespaces")
	return cmd
}

func export(ctx context.Context, r *registry.Redis, namespace string) (*document, error) {
	o := r.Operator("").In(namespace)
	nodes, err := o.Nodes(ctx, "")
	if err != nil {
		return nil, err
	}
	overrides, err := o.Overrides(ctx, "")
	if err != nil {
		return nil, err
	}
	doc := &document{Format: format, Taken: time.Now().UTC(), Services: []service{}, Overrides: []override{}}
	for _, n := range nodes {
		last := len(doc.Services) - 1
		if last < 0 || doc.Services[last].Namespace != n.Namespace || doc.Services[last].Service != n.Service || doc.Services[last].Version != n.Version {
			s, err := describe(ctx, r, n)
			if err != nil {
				return nil, err
			}
			doc.Services, last = append(doc.Services, s), last+1
		}
		doc.Services[last].Nodes = append(doc.Services[last].Nodes, toNode(n))
	}
	for _, v := range overrides {
		if !v.InForce {
			continue
		}
		one := override{Namespace: v.Namespace, Service: v.Service, Node: v.Node, Aspect: v.Aspect, Value: v.Value, By: v.By, Reason: v.Reason, Set: v.Set.UTC(), Stay: v.Stay, InForce: true}
		if !v.Until.IsZero() {
			until := v.Until.UTC()
			one.Until = &until
		}
		doc.Overrides = append(doc.Overrides, one)
	}
	return doc, nil
}

// describe reads what the nodes of a version share.
func describe(ctx context.Context, r *registry.Redis, n registry.NodeInfo) (service, error) {
	s := service{Namespace: n.Namespace, Service: n.Service, Version: n.Version}
	versions, err := r.GetService(ctx, n.Service, registry.GetNamespace(n.Namespace))
	if err != nil && !errors.Is(err, registry.ErrNotFound) && !errors.Is(err, registry.ErrInvalid) { // a name that is not ours
		return s, err
	}
	for _, v := range versions {
		if v.Version == n.Version {
			s.Metadata, s.Endpoints, s.APIs = v.Metadata, v.Endpoints, v.APIs
		}
	}
	return s, nil
}

func toNode(n registry.NodeInfo) node {
	return node{
		ID: n.Own.ID, Network: n.Own.Network, Address: n.Own.Address, Weight: cli.Weight(n.Own), Zone: n.Own.Zone, Status: cli.Status(n.Own),
		Metadata: n.Own.Metadata, TTL: n.TTL.String(), Process: n.Lease, Since: n.Since.UTC(), LeaseEnds: n.LeaseEnds.UTC(), Revision: n.Revision,
	}
}
