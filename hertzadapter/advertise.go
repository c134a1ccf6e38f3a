package hertzadapter

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// advertised returns the network and address to announce for a server that listens on
// addr: what WithAdvertise says of it, and otherwise what registry.Advertise finds.
func advertised(addr net.Addr, advertise string) (network, address string, err error) {
	wantHost, wantPort, err := splitAdvertise(advertise)
	if err != nil {
		return "", "", err
	}
	network, address = addr.Network(), addr.String()
	unix := network == "unix"
	switch {
	case unix && advertise == "":
	case unix && (wantHost == "" || wantPort == ""):
		return "", "", invalid("WithAdvertise(%q) for the unix socket %q: use host:port", advertise, address)
	case wantHost != "" && wantPort != "":
		if unix {
			network = "tcp"
		}
		address = net.JoinHostPort(wantHost, wantPort)
	case advertise != "":
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return "", "", invalid("Info.Addr is %q: use host:port", address)
		}
		if wantHost != "" {
			host = wantHost
		} else {
			port = wantPort
		}
		address = net.JoinHostPort(host, port)
	}
	announced, err := registry.Advertise(network, address)
	if err != nil {
		return "", "", fmt.Errorf("hertzadapter: Info.Addr: %w; WithAdvertise replaces it", err)
	}
	if network != "unix" {
		network = "tcp"
	}
	return network, announced, nil
}

// splitAdvertise splits "host:port", "host" and ":port", where an IPv6 host may
// be in brackets or not.
func splitAdvertise(s string) (host, port string, err error) {
	if s == "" {
		return "", "", nil
	}
	host, port, err = net.SplitHostPort(s)
	if err != nil { // no port
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), ""
	}
	// Advertise checks the rest, but it would replace a wildcard.
	ip, parsed := netip.ParseAddr(host)
	wildcard := parsed == nil && ip.WithZone("").Unmap().IsUnspecified()
	if wildcard || strings.ContainsAny(host, "/ []") || parsed != nil && strings.Contains(host, ":") {
		return "", "", invalid("WithAdvertise(%q): use an address that others can reach, host:port or host", s)
	}
	return host, port, nil
}
