package cli

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rollcall-go/rollcall/registry"
)

// settle takes the user and the password of the flags, but those of the environment only where
// the place has none of its own: what is on the command line goes before what comes with the
// place, and that before a variable. From names where the place is from.
func (p *place) settle(flags *pflag.FlagSet, choice place, from string) {
	user, password := p.inURL()
	hasPassword := password != "" || p.Password != ""
	hasUser := hasPassword || user != "" || p.Username != ""
	if hasUser {
		p.loginFrom = from
	}
	for _, one := range []struct {
		flag   string
		own    bool
		field  *string
		choice string
	}{
		{"username", hasUser, &p.Username, choice.Username},
		{"password", hasPassword, &p.Password, choice.Password},
	} {
		if f := flags.Lookup(one.flag); onCommandLine(f) || f.Changed && !one.own {
			*one.field, p.loginFrom = one.choice, given(f)
		}
	}
}

// inURL returns the user and the password in the URL of a place.
func (p *place) inURL() (user, password string) {
	if !strings.Contains(p.Redis, "://") {
		return "", ""
	}
	u, err := url.Parse(p.Redis)
	if err != nil || u.User == nil {
		return "", ""
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// loginHint says what to do where Redis refuses the user or the password.
func (p *place) loginHint() string {
	const ways = "--redis redis://USER:PASSWORD@HOST:PORT, $ROLLCALL_PASSWORD with --username, or a context"
	if p.loginFrom == "" {
		return "Redis wants a user or a password: give it in " + ways
	}
	return "Redis refuses the user or the password that " + p.loginFrom + " gives; other ways to give them are " + ways
}

// String says where the place is, without user and password.
func (p *place) String() string {
	where := cmp.Or(p.Redis, registry.DefaultAddress)
	if strings.Contains(where, "://") {
		u, err := url.Parse(where)
		if err != nil {
			return "the URL of --redis"
		}
		where = cmp.Or(u.Host, u.Path)
	}
	if p.Master != "" {
		return "master " + p.Master + " of the sentinels " + where
	}
	return where
}
