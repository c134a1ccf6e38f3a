package hertzadapter

import (
	"fmt"
	"maps"
	"reflect"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"

	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/registry"
)

// checkInfo says what an Info lacks to be registered.
func checkInfo(info *hertzregistry.Info) error {
	switch {
	case info == nil:
		return invalid("Info is nil: give server.WithRegistry a *registry.Info")
	case info.ServiceName == "":
		return invalid("Info.ServiceName is empty: set the name that clients call")
	case missing(info.Addr):
		return invalid(`Info.Addr is nil: set the address that the server listens on, as utils.NewNetAddr("tcp", "10.0.0.1:8888")`)
	case info.Weight < 0:
		return invalid("Info.Weight is %d: set a share of the traffic above zero, or zero for %d", info.Weight, registry.DefaultWeight)
	}
	return nil
}

// missing reports whether v is nil, or a nil pointer.
func missing(v any) bool {
	if v == nil {
		return true
	}
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}

// service is the registration of an Info at an address that others can use.
func service(info *hertzregistry.Info, network, address string) *registry.Service {
	return &registry.Service{
		Name:    info.ServiceName,
		Version: info.Tags[community.TagVersion],
		Nodes: []*registry.Node{{
			Network:  network,
			Address:  address,
			Weight:   info.Weight,
			Zone:     info.Tags[community.TagZone],
			Metadata: maps.Clone(info.Tags),
		}},
	}
}

// draining is a copy of s whose nodes want no new calls.
func draining(s *registry.Service) *registry.Service {
	c := *s
	c.Nodes = make([]*registry.Node, len(s.Nodes))
	for i, n := range s.Nodes {
		d := *n
		d.Status = registry.Draining
		c.Nodes[i] = &d
	}
	return &c
}

// infoKey is the key of an Info among those of a process.
type infoKey struct{ service, network, address string }

func keyOf(info *hertzregistry.Info) infoKey {
	return infoKey{info.ServiceName, info.Addr.Network(), info.Addr.String()}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("hertzadapter: %w: %s", registry.ErrInvalid, fmt.Sprintf(format, args...))
}

// joined is errors.Join with a text of one line.
func joined(errs ...error) (all error) {
	for _, err := range errs {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}
