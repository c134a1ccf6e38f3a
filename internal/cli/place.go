package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-go/rollcall/registry"
)

// A place says where services are registered. A context is a place with a name.
type place struct {
	Redis     string `json:"redis,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Prefix    string `json:"prefix,omitempty"`
	Cluster   bool   `json:"cluster,omitempty"`
	Master    string `json:"master,omitempty"`
	Username  string `json:"username,omitempty"`
	Password  string `json:"password,omitempty"`
	CA        string `json:"ca,omitempty"`

	timeout   time.Duration
	loginFrom string // names what gives the user and the password; "": nothing
}

func (p *place) flags(fs *pflag.FlagSet) {
	fs.StringVar(&p.Redis, "redis", "", "where Redis is: redis://user:password@host:port/db, rediss:// for TLS, or host:port, several with commas (default "+registry.DefaultAddress+")")
	fs.StringVarP(&p.Namespace, "namespace", "n", "", `namespace of the services (default "default")`)
	fs.StringVar(&p.Prefix, "prefix", "", `what every key in Redis begins with (default "rollcall")`)
	p.timeoutFlag(fs, "timeout")
	fs.BoolVar(&p.Cluster, "cluster", false, "Redis is a cluster")
	fs.StringVar(&p.Master, "master", "", "name of the master, where --redis names sentinels")
	fs.StringVar(&p.Username, "username", "", "user of Redis, where the URL names none")
	fs.StringVar(&p.Password, "password", "", "password of Redis; better in the variable, where other users do not see it")
	fs.StringVar(&p.CA, "ca", "", "file with the certificate that signed Redis's")
}

func (p *place) timeoutFlag(fs *pflag.FlagSet, name string) {
	fs.DurationVar(&p.timeout, name, registry.DefaultTimeout, "how long a call to Redis may take")
}

// CallTimeoutFlag defines --call-timeout of a command that has a --timeout of its own: it is
// what --timeout is to other commands.
func (a *App) CallTimeoutFlag(cmd *cobra.Command) { a.place.timeoutFlag(cmd.Flags(), callTimeout) }

// options are those of a registry at this place.
func (p place) options() ([]registry.Option, error) {
	opts := []registry.Option{registry.Cluster(p.Cluster), registry.MasterName(p.Master), registry.Timeout(p.timeout)}
	switch {
	case strings.Contains(p.Redis, "://"):
		opts = append(opts, registry.URL(p.Redis))
	case p.Redis != "":
		opts = append(opts, registry.Addrs(strings.Split(p.Redis, ",")...))
	}
	for _, set := range []struct {
		value  string
		option func(string) registry.Option
	}{
		{p.Namespace, registry.Namespace},
		{p.Prefix, registry.Prefix},
		{p.Username, registry.Username},
		{p.Password, registry.Password},
	} {
		if set.value != "" {
			opts = append(opts, set.option(set.value))
		}
	}
	if p.CA == "" {
		return opts, nil
	}
	pem, err := os.ReadFile(p.CA)
	if err != nil {
		return nil, Usagef("read the file of --ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, Usagef("--ca: %s holds no certificate in PEM", p.CA)
	}
	return append(opts, registry.TLSConfig(&tls.Config{RootCAs: roots})), nil
}

// redacted is the place without passwords.
func (p place) redacted() place {
	if p.Password != "" {
		p.Password = "xxxxx"
	}
	if !strings.Contains(p.Redis, "://") {
		return p
	}
	u, err := url.Parse(p.Redis)
	if err != nil {
		p.Redis = "(no URL)" // it may hold a password all the same
		return p
	}
	p.Redis = u.Redacted()
	return p
}

// Open returns a registry at the place that the flags, the environment or a context name,
// for one command: it logs nothing unless an option says so. The caller closes it.
func (a *App) Open(cmd *cobra.Command, more ...registry.Option) (*registry.Redis, error) {
	opts, err := a.Options(cmd)
	if err != nil {
		return nil, err
	}
	r := registry.NewRegistry(append(append(opts, registry.Logger(zerolog.Nop())), more...)...)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// Options are the options of Open.
func (a *App) Options(cmd *cobra.Command) ([]registry.Option, error) {
	p, err := a.where(cmd)
	if err != nil {
		return nil, err
	}
	a.at = p
	return p.options()
}

// where merges the flags with a context.
func (a *App) where(cmd *cobra.Command) (place, error) {
	flags := cmd.Root().PersistentFlags()
	redis, name := flags.Lookup("redis"), flags.Lookup("context")
	if onCommandLine(redis) && onCommandLine(name) {
		return place{}, Usagef("--redis and --context both say where Redis is: give one of them")
	}
	if redis.Changed && !onCommandLine(name) {
		return a.flagged(flags), nil
	}
	of, p, err := loadContext(a.context)
	if err != nil {
		return place{}, err
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			p.override(f.Name, a.place)
		}
	})
	p.timeout = a.place.timeout
	p.settle(flags, a.place, "the context "+of)
	return p, nil
}

// flagged returns the place that the flags and the environment give.
func (a *App) flagged(flags *pflag.FlagSet) place {
	p := a.place
	p.Username, p.Password = "", ""
	p.settle(flags, a.place, given(flags.Lookup("redis")))
	return p
}

// check refuses what no registry would take. It connects to nothing.
func (p place) check() error {
	opts, err := p.options()
	if err != nil {
		return err
	}
	return registry.NewRegistry(append(opts, registry.Logger(zerolog.Nop()))...).Err()
}

// given names what has set a flag: itself or its variable.
func given(f *pflag.Flag) string {
	if onCommandLine(f) {
		return "--" + f.Name
	}
	return "$" + variable(f.Name)
}

func (p *place) override(flag string, by place) {
	switch flag {
	case "namespace":
		p.Namespace = by.Namespace
	case "prefix":
		p.Prefix = by.Prefix
	case "cluster":
		p.Cluster = by.Cluster
	case "master":
		p.Master = by.Master
	case "ca":
		p.CA = by.CA
	}
}

// With runs f with a registry that is closed afterwards.
func (a *App) With(f func(cmd *cobra.Command, args []string, r *registry.Redis) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		r, err := a.Open(cmd)
		if err != nil {
			return err
		}
		defer func() {
			if failed := r.Close(cmd.Context()); err == nil && failed != nil {
				err = fmt.Errorf("close: %w", failed)
			}
		}()
		return f(cmd, args, r)
	}
}
