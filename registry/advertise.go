package registry

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// podIP is the variable in which Kubernetes manifests usually put the pod's
// address.
const podIP = "POD_IP"

// Advertise returns the Node.Address of a server that listens on an address. Network and
// address are those of net.Listen, or those of its listener:
//
//	ln, err := net.Listen("tcp", ":8080")
//	...
//	address, err := registry.Advertise(ln.Addr().Network(), ln.Addr().String())
//
// The network is tcp, tcp4, tcp6 or unix; "" means tcp. A host is returned as it is, also
// 127.0.0.1 and localhost, which only callers on this machine reach. If the server listens on all addresses, because the host is empty,
// 0.0.0.0 or ::, the host is the first of these that exists:
//
//  1. the IP address in the environment variable POD_IP
//  2. the address from which this machine reaches other networks, IPv4 before IPv6
//  3. the first address of its interfaces that is not a loopback or link-local address
//
// The path of a unix socket becomes absolute. It returns ErrInvalid if there is no such
// address (set POD_IP, or give the host), if the port is 0 (listen first, and give the
// address of the listener), and if the address is malformed.
func Advertise(network, address string) (string, error) {
	return advertise(network, address, routeOut)
}

// advertise is Advertise. route finds this machine's address for a family, "udp4" or
// "udp6"; it is asked only when nothing else says where the server is.
func advertise(network, address string, route func(family string) (netip.Addr, error)) (string, error) {
	families := []string{"udp4", "udp6"}
	switch network {
	case "", "tcp":
	case "tcp4":
		families = families[:1]
	case "tcp6":
		families = families[1:]
	case "unix":
		return absolute(address)
	default:
		return "", errdefs.Invalid("Network", "%q is none of tcp, tcp4, tcp6 and unix", network)
	}
	host, port, err := splitAddress("Address", address)
	if err != nil || !isWildcard(host) {
		return address, err
	}
	if host == "0.0.0.0" {
		families = families[:1] // nothing listens on IPv6
	}
	if host, err = ownHost(families, route); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

// absolute is the path of a unix socket for others, who do not share our working
// directory. One that begins with @ is no file.
func absolute(path string) (string, error) {
	if path == "" {
		return "", errdefs.Invalid("Address", "it is a unix socket without a path")
	}
	if err := checkText("Address", path); err != nil || strings.HasPrefix(path, "@") {
		return path, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", errdefs.Invalid("Address", "unix socket %q: %v", path, err)
	}
	return full, nil
}

// ownHost finds the host for a server that listens on all addresses.
func ownHost(families []string, route func(string) (netip.Addr, error)) (string, error) {
	if ip := os.Getenv(podIP); ip != "" {
		if _, err := netip.ParseAddr(ip); err != nil || isWildcard(ip) {
			return "", errdefs.Invalid(podIP, "%q is not an IP address: set the variable to the address of this pod", ip)
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
	return "", errdefs.Invalid("Address", "the server listens on all addresses, and none that others can reach was found: give the host, or set %s: %v", podIP, errdefs.Join(errs...))
}

// splitAddress returns host and port of an address that is well formed. The host may be
// a wildcard.
func splitAddress(field, address string) (host, port string, err error) {
	if err := checkName(field, address); err != nil {
		return "", "", err
	}
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", errdefs.Invalid(field, "%q is not host:port: %v", address, err)
	}
	if host != "" && !isHost(host) {
		return "", "", errdefs.Invalid(field, "%q is not host:port: its host is neither a name nor an IP address", address)
	}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case err != nil:
		return "", "", errdefs.Invalid(field, "%q has the port %q: use a number from 1 to 65535", address, port)
	case n == 0:
		return "", "", errdefs.Invalid(field, "%q has port 0: listen first, and give the port that the listener got", address)
	}
	return host, port, nil
}

// isHost reports whether host is an IP address, IPv6 perhaps with a zone, or a host name:
// labels of letters, digits, - and _ of at most 63 bytes. Numbers alone are an IPv4
// address with a mistake in it.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	numbers := !slices.ContainsFunc(labels, func(l string) bool { return strings.Trim(l, "0123456789") != "" })
	return !numbers && !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.ContainsFunc(l, func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_'
		})
	})
}

// isWildcard reports whether host means all addresses of a machine.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.WithZone("").Unmap().IsUnspecified()
}

// checkAddress wants what a caller can dial: host:port, or a unix path.
func checkAddress(field, network, address string) error {
	if err := cmp.Or(checkText(field+".Network", network), checkName(field+".Address", address)); err != nil {
		return err
	}
	if strings.HasPrefix(network, "unix") {
		return nil
	}
	host, _, err := splitAddress(field+".Address", address)
	if err == nil && isWildcard(host) {
		err = errdefs.Invalid(field+".Address", "%q means all addresses of a machine, and callers would dial themselves: use Advertise", address)
	}
	return err
}
