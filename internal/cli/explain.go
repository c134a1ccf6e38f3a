package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/registry"
)

// Explain returns the text of an error in the words of the command line, and what to do about
// it; the hint may be "". Errors of package registry speak of options of the Go API.
func (a *App) Explain(err error) (text, hint string) {
	text = strings.TrimPrefix(err.Error(), "rollcall: ")
	if advised := errdefs.IsAdvised(err); advised != nil {
		text = strings.Replace(text, advised.Error(), advised.Err.Error(), 1)
	}
	var wrong *errdefs.FieldError
	var op *registry.OpError
	switch {
	case errors.As(err, &wrong) && flagOf[wrong.Field] != "":
		text = strings.Replace(text, wrong.Error(), onCommand(wrong), 1)
		hint = hintOf[flagOf[wrong.Field]]
	case errors.Is(err, registry.ErrUnavailable):
		hint = "is this the right Redis, and does it run? Name it with --redis, $ROLLCALL_REDIS_URL or a context (rollcall help environment)"
		if errors.Is(err, context.DeadlineExceeded) {
			text = a.NoAnswer(err, Duration(a.place.timeout))
			if errors.As(err, &op) {
				text = strings.TrimPrefix((&registry.OpError{Op: op.Op, Namespace: op.Namespace, Service: op.Service, Err: errors.New(text)}).Error(), "rollcall: ")
			}
		}
	case errors.Is(err, registry.ErrNotFound):
		hint = "rollcall get services -A lists what is registered"
	case lua.IsNoLogin(err):
		hint = a.at.loginHint()
	case errors.Is(err, registry.ErrPermission) && strings.Contains(text, "psubscribe"):
		hint = "this user may not watch all services at once: name one, or give the user what rollcall acl ROLE --watch-all prints; ROLE is registrar, resolver or operator"
	case errors.Is(err, registry.ErrPermission):
		hint = "rollcall doctor --role ROLE says which rights this user lacks, and rollcall acl ROLE prints all that a role needs; ROLE is registrar, resolver or operator"
	}
	return text, hint
}

// NoAnswer says that Redis did not answer for a time, and what the network said, if err knows.
func (a *App) NoAnswer(err error, within string) string {
	text := fmt.Sprintf("Redis at %s did not answer within %s", a.at.String(), within)
	var network *net.OpError
	if errors.As(err, &network) {
		text += ": " + network.Error()
	}
	return text
}

// flagOf has the flags that stand for options and arguments of the Go API.
var flagOf = map[string]string{
	"Addrs": "--redis", "URL": "--redis", "DB": "--redis", "Secure": "--redis", "TLSConfig": "--ca", "Cluster": "--cluster",
	"MasterName": "--master", "Namespace": "--namespace", "Prefix": "--prefix", "Timeout": "--timeout",
	"Username": "--username", "Password": "--password", "Service": "SERVICE", "Name": "SERVICE", "Node": "NODE", "By": "--by",
	"User": "--user", "Hints": "--hints", "WatchAll": "--watch-all", "Role": "ROLE",
}

var hintOf = map[string]string{
	"--redis":   "--redis is redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS, or HOST:PORT, several with commas",
	"--ca":      "--ca FILE names the certificate that signed that of Redis; the address in --redis has to be one that Redis's certificate names",
	"--cluster": "--cluster goes with a Redis Cluster, and only with one",
	"--master":  "--master NAME goes with the addresses of sentinels in --redis, and only with them; SENTINEL MASTERS lists the names",
}

// onCommand is the text of a FieldError with the name of the flag.
func onCommand(e *errdefs.FieldError) string {
	text := flagOf[e.Field] + ": " + e.What
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}
