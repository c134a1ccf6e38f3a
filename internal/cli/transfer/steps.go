package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

var errEnded = errors.New("left out: it has ended")

// place is a node, or with Node "" a service.
type place struct{ namespace, service, node string }

// run brings back nodes, and then overrides, which need their nodes. An outage ends it.
func (i *importer) run(doc document) error {
	live, err := i.live(doc)
	if err != nil {
		return err
	}
	if i.nodes > 0 {
		for _, s := range doc.Services {
			if err := i.register(s, live); err != nil {
				return err
			}
		}
	}
	for _, o := range doc.Overrides {
		if err := i.set(o, live); err != nil {
			return err
		}
	}
	return nil
}

// live reads the nodes of the services of a file, with what is set on them.
func (i *importer) live(doc document) (map[place]registry.NodeInfo, error) {
	services := map[place]bool{}
	for _, s := range doc.Services {
		services[place{s.Namespace, s.Service, ""}] = true
	}
	for _, o := range doc.Overrides {
		services[place{o.Namespace, o.Service, ""}] = true
	}
	live := map[place]registry.NodeInfo{}
	for s := range services {
		nodes, err := i.r.Operator("").In(s.namespace).Nodes(i.ctx, s.service)
		if err != nil && !errors.Is(err, registry.ErrNotFound) && !errors.Is(err, registry.ErrInvalid) { // its steps will fail
			return nil, err
		}
		for _, n := range nodes {
			live[place{n.Namespace, n.Service, n.Node.ID}] = n
			live[place{n.Namespace, n.Service, ""}] = n // the service has a node, whose overrides name those of all
		}
	}
	return live, nil
}

// note notes a step. It returns err where that ends the import.
func (i *importer) note(what, result string, err error) error {
	switch {
	case errors.Is(err, registry.ErrUnavailable), errors.Is(err, registry.ErrPermission), i.ctx.Err() != nil:
		return err
	case errors.Is(err, registry.ErrNotFound):
		result = "left out: it is not registered"
	case err != nil:
		i.failed++
		result = "failed: " + err.Error()
	}
	i.steps = append(i.steps, step{what, result})
	return nil
}

// register registers the nodes of a service that are not live.
func (i *importer) register(s service, live map[place]registry.NodeInfo) error {
	for _, n := range s.Nodes {
		what := fmt.Sprintf("register %s/%s/%s", s.Namespace, s.Service, n.ID)
		at := place{s.Namespace, s.Service, n.ID}
		if _, is := live[at]; is {
			if err := i.note(what, "left out: it is registered", nil); err != nil {
				return err
			}
			continue
		}
		status, err := registry.Up, error(nil)
		if n.Status != cli.Idle { // its weight says so
			status, err = parseStatus(n.Status)
		}
		if err == nil && !i.dryRun {
			weight := cmp.Or(n.Weight, registry.NoTraffic)
			err = i.r.Register(i.ctx, &registry.Service{
				Namespace: s.Namespace, Name: s.Service, Version: s.Version, Metadata: s.Metadata, Endpoints: s.Endpoints, APIs: s.APIs, TTL: i.nodes,
				Nodes: []*registry.Node{{ID: n.ID, Network: n.Network, Address: n.Address, Weight: weight, Zone: n.Zone, Status: status, Metadata: n.Metadata}},
			}, registry.RegisterManual(), registry.RegisterExclusive())
		}
		if err == nil {
			live[at] = registry.NodeInfo{}
		}
		if err := i.note(what, i.result(), err); err != nil {
			return err
		}
	}
	return nil
}

// set sets an override.
func (i *importer) set(o override, live map[place]registry.NodeInfo) error {
	on := cmp.Or(o.Node, "all nodes")
	what := fmt.Sprintf("set %s of %s/%s/%s", o.Aspect, o.Namespace, o.Service, on)
	if o.Value != nil {
		what += " to " + *o.Value
	}
	v, err := o.toOverride(time.Now())
	if errors.Is(err, errEnded) {
		return i.note(what, err.Error(), nil)
	}
	if err != nil {
		return i.note(what, "", err)
	}
	info, is := live[place{o.Namespace, o.Service, o.Node}]
	if !is && (o.Node != "" || i.nodes == 0) { // a service whose nodes were registered now is not in the list
		return i.note(what, "", registry.ErrNotFound)
	}
	if o.in(info.Overrides) {
		return i.note(what, already, nil)
	}
	if !i.dryRun {
		operator := i.r.Operator(i.by).In(o.Namespace)
		if o.Node == "" {
			err = operator.SetAll(i.ctx, o.Service, v)
		} else {
			err = operator.Set(i.ctx, o.Service, o.Node, v)
		}
	}
	return i.note(what, i.result(), err)
}

// in says whether an override is among those of a node, with the same end.
func (o override) in(active []registry.ActiveOverride) bool {
	for _, a := range active {
		same := a.Value == nil && o.Value == nil || a.Value != nil && o.Value != nil && *a.Value == *o.Value
		end := o.Until == nil && a.Until.IsZero() || o.Until != nil && a.Until.Equal(*o.Until)
		if a.InForce && a.Node == o.Node && a.Aspect == o.Aspect && same && end {
			return true
		}
	}
	return false
}

func (i *importer) result() string {
	if i.dryRun {
		return planned
	}
	return done
}
