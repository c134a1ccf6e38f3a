package hertzadapter

import (
	"errors"
	"testing"

	"github.com/cloudwego/hertz/pkg/common/utils"

	"github.com/rollcall-go/rollcall/registry"
)

func TestAdvertised(t *testing.T) {
	for name, c := range map[string]struct {
		network, addr, advertise, podIP string
		want                            string // "" means ErrInvalid
	}{
		"advertise host":                  {network: "tcp", addr: ":80", advertise: "shop.example", podIP: "10.5.5.5", want: "tcp shop.example:80"},
		"advertise beats a host":          {network: "tcp", addr: "10.0.0.1:80", advertise: "192.0.2.7", want: "tcp 192.0.2.7:80"},
		"advertise host and port":         {network: "tcp", addr: ":80", advertise: "192.0.2.7:8080", want: "tcp 192.0.2.7:8080"},
		"advertise port":                  {network: "tcp", addr: "10.0.0.1:80", advertise: ":8080", want: "tcp 10.0.0.1:8080"},
		"advertise port of a wildcard":    {network: "tcp", addr: ":80", advertise: ":8080", podIP: "10.9.9.9", want: "tcp 10.9.9.9:8080"},
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
		"unix, advertised through a port": {network: "unix", addr: "/run/shop.sock", advertise: "192.0.2.7:80", want: "tcp 192.0.2.7:80"},
		"unix, advertise without a port":  {network: "unix", addr: "/run/shop.sock", advertise: "192.0.2.7"},
		"a wildcard, and POD_IP":          {network: "tcp4", addr: ":80", podIP: "10.5.5.5", want: "tcp 10.5.5.5:80"},
		"unix":                            {network: "unix", addr: "/run/shop.sock", want: "unix /run/shop.sock"},
		"another network":                 {network: "udp", addr: "10.0.0.1:80", advertise: "10.0.0.1:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_IP", c.podIP)
			network, address, err := advertised(utils.NewNetAddr(c.network, c.addr), c.advertise)
			switch {
			case c.want == "" && !errors.Is(err, registry.ErrInvalid):
				t.Errorf("got %s %s, %v, want ErrInvalid", network, address, err)
			case c.want != "" && (err != nil || network+" "+address != c.want):
				t.Errorf("got %s %s, %v, want %s", network, address, err, c.want)
			}
		})
	}
}
