package registry

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdvertise(t *testing.T) {
	wd, err := filepath.Abs("")
	if err != nil {
		t.Fatal(err)
	}
	// A machine with both families; the v6 one has no IPv4 at all.
	both := map[string]string{"udp4": "10.9.9.9", "udp6": "2001:db8::9"}
	v6 := map[string]string{"udp6": "2001:db8::9"}

	for name, c := range map[string]struct {
		network, addr, podIP string
		routes               map[string]string
		want                 string // "" means ErrInvalid
	}{
		"a host stays":                  {network: "tcp", addr: "10.0.0.1:80", want: "10.0.0.1:80"},
		"a host name stays":             {network: "tcp", addr: "localhost:80", want: "localhost:80"},
		"IPv6":                          {network: "tcp", addr: "[2001:db8::1]:80", want: "[2001:db8::1]:80"},
		"no network":                    {addr: "10.0.0.1:80", want: "10.0.0.1:80"},
		"a host beats POD_IP":           {network: "tcp", addr: "10.0.0.1:80", podIP: "10.5.5.5", want: "10.0.0.1:80"},
		"empty host":                    {network: "tcp", addr: ":80", routes: both, want: "10.9.9.9:80"},
		"empty host, only IPv6":         {network: "tcp", addr: ":80", routes: v6, want: "[2001:db8::9]:80"},
		"0.0.0.0":                       {network: "tcp", addr: "0.0.0.0:80", routes: both, want: "10.9.9.9:80"},
		"0.0.0.0 is not there on IPv6":  {network: "tcp", addr: "0.0.0.0:80", routes: v6},
		"::":                            {network: "tcp", addr: "[::]:80", routes: both, want: "10.9.9.9:80"},
		":: on tcp6":                    {network: "tcp6", addr: "[::]:80", routes: both, want: "[2001:db8::9]:80"},
		"empty host on tcp4":            {network: "tcp4", addr: ":80", routes: both, want: "10.9.9.9:80"},
		"empty host on tcp4, only IPv6": {network: "tcp4", addr: ":80", routes: v6},
		"mapped wildcard":               {network: "tcp", addr: "[::ffff:0.0.0.0]:80", routes: both, want: "10.9.9.9:80"},
		"POD_IP":                        {network: "tcp", addr: ":80", podIP: "10.5.5.5", want: "10.5.5.5:80"},
		"POD_IP, IPv6":                  {network: "tcp", addr: ":80", podIP: "2001:db8::5", want: "[2001:db8::5]:80"},
		"POD_IP wrong":                  {network: "tcp", addr: ":80", podIP: "status.podIP", routes: both},
		"POD_IP a wildcard":             {network: "tcp", addr: ":80", podIP: "0.0.0.0", routes: both},
		"no address at all":             {network: "tcp", addr: ":80"},
		"port 0":                        {network: "tcp", addr: "10.0.0.1:0"},
		"port 0 of a wildcard":          {network: "tcp", addr: ":0", routes: both},
		"port too high":                 {network: "tcp", addr: "10.0.0.1:65536"},
		"no port":                       {network: "tcp", addr: "10.0.0.1"},
		"empty":                         {network: "tcp"},
		"unix":                          {network: "unix", addr: "/run/shop.sock", want: "/run/shop.sock"},
		"unix, relative":                {network: "unix", addr: "shop.sock", want: "" + filepath.Join(wd, "shop.sock")},
		"unix, abstract":                {network: "unix", addr: "@shop", want: "@shop"},
		"unix, no path":                 {network: "unix"},
		"another network":               {network: "udp", addr: "10.0.0.1:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(podIP, c.podIP)
			got, err := advertise(c.network, c.addr, func(family string) (netip.Addr, error) {
				if ip := c.routes[family]; ip != "" {
					return netip.MustParseAddr(ip), nil
				}
				return netip.Addr{}, errors.New("no route")
			})
			switch {
			case c.want == "" && !errors.Is(err, ErrInvalid):
				t.Errorf("got %s, %v, want ErrInvalid", got, err)
			case c.want != "" && (err != nil || got != c.want):
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
			if network := c.network; err == nil && checkAddress("Node", network, got) != nil {
				t.Errorf("Register refuses %s", got)
			}
		})
	}
}

// What Register refuses because callers would dial themselves, Advertise is named for.
func TestWildcardNamesAdvertise(t *testing.T) {
	for _, address := range []string{":80", "0.0.0.0:80", "[::]:80", "[::%eth0]:80", "[::ffff:0.0.0.0]:80"} {
		if err := checkAddress("Node", "tcp", address); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "Advertise") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// A machine may lack an address, but it must never announce one that others
// cannot use.
func TestRouteOutIsUsableOrAnError(t *testing.T) {
	for _, family := range []string{"udp4", "udp6"} {
		ip, err := routeOut(family)
		if err == nil && !usable(ip, family) {
			t.Errorf("%s: %v, which others cannot reach", family, ip)
		}
		t.Logf("%s: %v, %v", family, ip, err)
	}
}

func TestUsable(t *testing.T) {
	for ip, want := range map[string]bool{
		"10.0.0.1": true, "192.0.2.1": true,
		"127.0.0.1": false, "0.0.0.0": false, "169.254.1.1": false, "224.0.0.1": false, "2001:db8::1": false,
	} {
		if got := usable(netip.MustParseAddr(ip), "udp4"); got != want {
			t.Errorf("%s: %v, want %v", ip, got, want)
		}
	}
	for ip, want := range map[string]bool{"2001:db8::1": true, "fd00::1": true, "::1": false, "::": false, "fe80::1": false, "10.0.0.1": false} {
		if got := usable(netip.MustParseAddr(ip), "udp6"); got != want {
			t.Errorf("%s: %v, want %v", ip, got, want)
		}
	}
}
