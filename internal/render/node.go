package render

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// A Node is what a template sees of a node.
type Node struct {
	ID, Address, Host, Network, Version, Zone string

	Port     int  // 0 for a unix socket
	Weight   int  // 0: no calls
	Up       bool // false: it drains
	Metadata map[string]string
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	socketPath = regexp.MustCompile(`^/[A-Za-z0-9/._@-]+$`)
)

// newNode checks the address of a node: it is printed without quotes.
func newNode(version string, n *registry.Node) (Node, error) {
	out := Node{
		ID: n.ID, Address: n.Address, Network: cmp.Or(n.Network, "tcp"), Version: version, Zone: n.Zone,
		Weight: n.Weight, Up: n.Status == registry.Up, Metadata: n.Metadata,
	}
	switch n.Weight {
	case 0:
		out.Weight = registry.DefaultWeight
	case registry.NoTraffic:
		out.Weight = 0
	}
	if out.Network == "unix" {
		if !socketPath.MatchString(n.Address) {
			return out, fmt.Errorf("the path %q cannot stand in a configuration", n.Address)
		}
		return out, nil
	}
	host, port, err := net.SplitHostPort(n.Address)
	if err != nil {
		return out, fmt.Errorf("the address %q is not host:port", n.Address)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return out, fmt.Errorf("the address %q has no port that is a number", n.Address)
	}
	if net.ParseIP(host) == nil && !hostName.MatchString(host) {
		return out, fmt.Errorf("the host of the address %q cannot stand in a configuration", n.Address)
	}
	out.Host, out.Port = host, int(number)
	out.Address = net.JoinHostPort(host, strconv.Itoa(out.Port))
	return out, nil
}

// A filter is a condition on a node, as key=value.
type filter struct{ key, value string }

func parseFilters(words []string) (filters []filter, err error) {
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is not key=value", word)
		}
		filters = append(filters, filter{key, value})
	}
	return filters, nil
}

func (f filter) matches(n Node) bool {
	switch f.key {
	case "version":
		return n.Version == f.value
	case "zone":
		return n.Zone == f.value
	}
	value, ok := n.Metadata[f.key]
	return ok && value == f.value
}
