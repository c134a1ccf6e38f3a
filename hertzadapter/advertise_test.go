package hertzadapter

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/cloudwego/hertz/pkg/common/utils"

	"github.com/rollcall-go/rollcall/registry"
)

func TestAdvertised(t *testing.T) {
	wd, err := filepath.Abs("")
	must(t, err)
	// A machine with both families; the v6 one has no IPv4 at all.
	both := map[string]string{"udp4": "10.9.9.9", "udp6": "2001:db8::9"}
	v6 := map[string]string{"udp6": "2001:db8::9"}

	cases := map[string]struct {
		network, addr, advertise, podIP string
		routes                          map[string]string
		want                            string // "" means ErrInvalid
	}{
		"a host stays":                    {network: "tcp", addr: "10.0.0.1:80", want: "tcp 10.0.0.1:80"},
		"a host name stays":               {network: "tcp", addr: "localhost:80", want: "tcp localhost:80"},
		"IPv6":                            {network: "tcp", addr: "[2001:db8::1]:80", want: "tcp [2001:db8::1]:80"},
		"no network":                      {addr: "10.0.0.1:80", want: "tcp 10.0.0.1:80"},
		"a host beats POD_IP":             {network: "tcp", addr: "10.0.0.1:80", podIP: "10.5.5.5", want: "tcp 10.0.0.1:80"},
		"empty host":                      {network: "tcp", addr: ":80", routes: both, want: "tcp 10.9.9.9:80"},
		"empty host, only IPv6":           {network: "tcp", addr: ":80", routes: v6, want: "tcp [2001:db8::9]:80"},
		"0.0.0.0":                         {network: "tcp", addr: "0.0.0.0:80", routes: both, want: "tcp 10.9.9.9:80"},
		"0.0.0.0 is not there on IPv6":    {network: "tcp", addr: "0.0.0.0:80", routes: v6},
		"::":                              {network: "tcp", addr: "[::]:80", routes: both, want: "tcp 10.9.9.9:80"},
		":: on tcp6":                      {network: "tcp6", addr: "[::]:80", routes: both, want: "tcp [2001:db8::9]:80"},
		"empty host on tcp4":              {network: "tcp4", addr: ":80", routes: both, want: "tcp 10.9.9.9:80"},
		"mapped wildcard":                 {network: "tcp", addr: "[::ffff:0.0.0.0]:80", routes: both, want: "tcp 10.9.9.9:80"},
		"POD_IP":                          {network: "tcp", addr: ":80", podIP: "10.5.5.5", want: "tcp 10.5.5.5:80"},
		"POD_IP, IPv6":                    {network: "tcp", addr: ":80", podIP: "2001:db8::5", want: "tcp [2001:db8::5]:80"},
		"POD_IP wrong":                    {network: "tcp", addr: ":80", podIP: "status.podIP", routes: both},
		"POD_IP a wildcard":               {network: "tcp", addr: ":80", podIP: "0.0.0.0", routes: both},
		"no address at all":               {network: "tcp", addr: ":80"},
		"advertise host":                  {network: "tcp", addr: ":80", advertise: "shop.example", podIP: "10.5.5.5", want: "tcp shop.example:80"},
		"advertise beats a host":          {network: "tcp", addr: "10.0.0.1:80", advertise: "192.0.2.7", want: "tcp 192.0.2.7:80"},
		"advertise host and port":         {network: "tcp", addr: ":80", advertise: "192.0.2.7:8080", want: "tcp 192.0.2.7:8080"},
		"advertise port":                  {network: "tcp", addr: "10.0.0.1:80", advertise: ":8080", want: "tcp 10.0.0.1:8080"},
		"advertise port of a wildcard":    {network: "tcp", addr: ":80", advertise: ":8080", routes: both, want: "tcp 10.9.9.9:8080"},
		"advertise IPv6":                  {network: "tcp", addr: ":80", advertise: "2001:db8::7", want: "tcp [2001:db8::7]:80"},
		"advertise IPv6 in brackets":      {network: "tcp", addr: ":80", advertise: "[2001:db8::7]", want: "tcp [2001:db8::7]:80"},
		"advertise IPv6 and port":         {network: "tcp", addr: ":80", advertise: "[2001:db8::7]:81", want: "tcp [2001:db8::7]:81"},
		"advertise saves port 0":          {network: "tcp", addr: ":0", advertise: "192.0.2.7:8080", want: "tcp 192.0.2.7:8080"},
		"advertise wildcard":              {network: "tcp", addr: "10.0.0.1:80", advertise: "::"},
		"advertise wildcard and port":     {network: "tcp", addr: "10.0.0.1:80", advertise: "0.0.0.0:80"},
		"advertise port 0":                {network: "tcp", addr: "10.0.0.1:80", advertise: "192.0.2.7:0"},
		"advertise URL":                   {network: "tcp", addr: "10.0.0.1:80", advertise: "http://192.0.2.7"},
		"advertise nonsense":              {network: "tcp", addr: "10.0.0.1:80", advertise: "a:b:c"},
		"advertise a path":                {network: "tcp", addr: "10.0.0.1:80", advertise: "/run/shop.sock"},
		"port 0":                          {network: "tcp", addr: "10.0.0.1:0"},
		"port 0 of a wildcard":            {network: "tcp", addr: ":0", routes: both},
		"port too high":                   {network: "tcp", addr: "10.0.0.1:65536"},
		"no port":                         {network: "tcp", addr: "10.0.0.1"},
		"empty":                           {network: "tcp"},
		"unix":                            {network: "unix", addr: "/run/shop.sock", want: "unix /run/shop.sock"},
		"unix, relative":                  {network: "unix", addr: "shop.sock", want: "unix " + filepath.Join(wd, "shop.sock")},
		"unix, abstract":                  {network: "unix", addr: "@shop", want: "unix @shop"},
		"unix, advertised through a port": {network: "unix", addr: "/run/shop.sock", advertise: "192.0.2.7:80", want: "tcp 192.0.2.7:80"},
		"unix, advertise without a port":  {network: "unix", addr: "/run/shop.sock", advertise: "192.0.2.7"},
		"unix, no path":                   {network: "unix"},
		"another network":                 {network: "udp", addr: "10.0.0.1:80"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_IP", c.podIP)
			route := func(family string) (netip.Addr, error) {
				if ip := c.routes[family]; ip != "" {
					return netip.MustParseAddr(ip), nil
				}
				return netip.Addr{}, errors.New("no route")
			}
			network, address, err := advertised(utils.NewNetAddr(c.network, c.addr), c.advertise, route)
			switch {
			case c.want == "" && !errors.Is(err, registry.ErrInvalid):
				t.Errorf("got %s %s, %v, want ErrInvalid", network, address, err)
			case c.want != "" && (err != nil || network+" "+address != c.want):
				t.Errorf("got %s %s, %v, want %s", network, address, err, c.want)
			}
		})
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
