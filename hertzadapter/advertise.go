package hertzadapter

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// podIP is the variable in which Kubernetes manifests usually put the pod's
// address.
const podIP = "POD_IP"

// advertised returns the network and address to announce for a server that
// listens on addr. route finds this machine's address for a family, "udp4" or
// "udp6"; it is asked only when nothing else says where the server is.
func advertised(addr net.Addr, advertise string, route func(family string) (netip.Addr, error)) (network, address string, err error) {
	wantHost, wantPort, err := splitAdvertise(advertise)
	if err != nil {
		return "", "", err
	}
	families := []string{"udp4", "udp6"}
	switch addr.Network() {
	case "", "tcp":
	case "tcp4":
		families = families[:1]
	case "tcp6":
		families = families[1:]
	case "unix":
		if wantHost == "" || wantPort == "" {
			return unixPath(addr.String(), advertise)
		}
		return "tcp", net.JoinHostPort(wantHost, wantPort), nil
	default:
		return "", "", invalid("Info.Addr is on network %q: use tcp, tcp4, tcp6 or unix", addr.Network())
	}

	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "", "", invalid("Info.Addr is %q: use host:port", addr.String())
	}
	if wantPort != "" {
		port = wantPort
	}
	if err := checkPort(port); err != nil {
		return "", "", err
	}
	if wantHost == "" && isWildcard(host) {
		if host == "0.0.0.0" {
			families = families[:1] // nothing listens on IPv6
		}
		wantHost, err = ownHost(families, route)
		if err != nil {
			return "", "", err
		}
	}
	if wantHost != "" {
		host = wantHost
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// splitAdvertise splits "host:port", "host" and ":port", where an IPv6 host may
// stand with or without brackets.
func splitAdvertise(s string) (host, port string, err error) {
	if s == "" {
		return "", "", nil
	}
	host, port, err = net.SplitHostPort(s)
	valid := err == nil && checkPort(port) == nil
	if err != nil { // no port
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), ""
		valid = isIP(host) || !strings.Contains(host, ":")
	}
	if !valid || strings.ContainsAny(host, "/ []") || host != "" && isWildcard(host) {
		return "", "", invalid("WithAdvertise(%q): use an address that others can reach, host:port or host", s)
	}
	return host, port, nil
}

func checkPort(port string) error {
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case err != nil:
		return invalid("port %q: use a number from 1 to 65535", port)
	case n == 0:
		return invalid("port 0: listen first, and give the port that the listener got")
	}
	return nil
}

// unixPath makes the path absolute: others do not share our working directory.
func unixPath(path, advertise string) (network, address string, err error) {
	switch {
	case advertise != "":
		return "", "", invalid("WithAdvertise(%q) for the unix socket %q: use host:port", advertise, path)
	case path == "":
		return "", "", invalid("Info.Addr is a unix socket without a path")
	case strings.HasPrefix(path, "@"): // abstract: no file
		return "unix", path, nil
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", invalid("Info.Addr is the unix socket %q: %v", path, err)
	}
	return "unix", path, nil
}

// ownHost finds the host for a server that listens on all addresses.
func ownHost(families []string, route func(string) (netip.Addr, error)) (string, error) {
	if ip := os.Getenv(podIP); ip != "" {
		if !isIP(ip) || isWildcard(ip) {
			return "", invalid("%s is %q: set it to the address of this pod", podIP, ip)
		}
		return ip, nil
	}
	var errs []error
	for _, family := range families {
		ip, err := route(family)
		if err == nil {
			return ip.String(), nil
		}
		errs = append(errs, err)
	}
	return "", invalid("the server listens on all addresses, and none that others can reach was found: use WithAdvertise or set %s: %v", podIP, errors.Join(errs...))
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isWildcard reports whether host stands for all addresses of a machine.
func isWildcard(host string) bool {
	if host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.WithZone("").Unmap().IsUnspecified()
}
