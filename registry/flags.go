package registry

import (
	"flag"
	"fmt"

	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Flags defines flags in fs, or in flag.CommandLine if fs is nil, and returns the option
// that applies their values. Parse fs before Init or the first call of the registry.
//
//	-registry.default    redis or embedded: an in-process server, for
//	                     programs that import registry/embedded
//	-registry.address    host:port, or a redis://, rediss:// or unix:// URL;
//	                     with embedded, where it listens
//	-registry.timeout    as the option Timeout
//	-registry.namespace  as the option Namespace
//
// Default: a flag that is not given changes nothing, so the options before Flags hold.
func Flags(fs *flag.FlagSet) Option {
	if fs == nil {
		fs = flag.CommandLine
	}
	backend := "redis"
	fs.Func("registry.default", "`redis`, or embedded: an in-process server (default redis)", func(s string) error {
		if s != "redis" && s != "embedded" {
			return fmt.Errorf("want redis or embedded")
		}
		backend = s
		return nil
	})
	address := fs.String("registry.address", "", "`host:port` or URL of Redis (default "+DefaultAddress+")")
	timeout := fs.Duration("registry.timeout", 0, fmt.Sprintf("bound of a registry call (default %v)", DefaultTimeout))
	namespace := fs.String("registry.namespace", "", "`namespace` of services and calls that name none (default default)")
	return func(o *Options) {
		o.backend = backend
		switch {
		case *address == "":
		case backend == "embedded":
			o.listen = *address
		case redisconn.IsURL(*address):
			o.URL = *address
		default:
			o.URL, o.Addrs = "", []string{*address}
		}
		if *timeout != 0 {
			o.Timeout = *timeout
		}
		if *namespace != "" {
			o.Namespace = *namespace
		}
	}
}
