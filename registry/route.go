package registry

import (
	"fmt"
	"net"
	"net/netip"
)

// outside are addresses that are reserved for documentation: they are in other networks,
// and no caller has them.
var outside = map[string]string{"udp4": "192.0.2.1:9", "udp6": "[2001:db8::1]:9"}

// routeOut returns the address from which this machine reaches the world, or, if
// it has no route there, its first address that is not only its own. No packet
// is sent: connecting a UDP socket only looks up the route.
func routeOut(family string) (netip.Addr, error) {
	conn, err := net.Dial(family, outside[family])
	if err == nil {
		local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
		if usable(local, family) {
			return local, nil
		}
	}
	addrs, ifErr := net.InterfaceAddrs()
	if ifErr != nil {
		return netip.Addr{}, fmt.Errorf("list the addresses of this machine: %w", ifErr)
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && usable(prefix.Addr().Unmap(), family) {
			return prefix.Addr().Unmap(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no %s route out and no such address: %w", family, err)
}

// usable reports whether other machines can reach ip, and over that family.
func usable(ip netip.Addr, family string) bool {
	return ip.IsGlobalUnicast() && ip.Is4() == (family == "udp4")
}
