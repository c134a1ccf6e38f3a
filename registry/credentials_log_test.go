package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A password is in no log line, of any level: not when Redis refuses it, and not in an
// outage.
func TestNoCredentialsInTheLog(t *testing.T) {
	t.Parallel()
	const password = "correct-horse"
	server := redistest.Start(t)
	for name, credentials := range map[string]registry.Option{
		"options": func(o *registry.Options) {
			registry.Username("bob")(o)
			registry.Password(password)(o)
		},
		"URL": registry.URL("redis://bob:" + password + "@" + server.Addr()),
	} {
		t.Run(name, func(t *testing.T) {
			do(t, server, "ACL", "SETUSER", "bob", "on", "resetpass", ">"+password, "~*", "&*", "+@all")
			log := &logBuffer{}
			states := newStates()
			r := open(t, at(server), credentials, logInto(log), registry.TTL(time.Second), registry.Interval(time.Second/4))
			register(t, r, service("shop", node("a")), states.option())
			states.next(t, registry.Live)

			do(t, server, "ACL", "SETUSER", "bob", "resetpass", ">another")
			do(t, server, "CLIENT", "KILL", "USER", "bob")
			wantErr(t, states.next(t, registry.Lost), registry.ErrPermission)
			refused := log.String()
			server.Kill()
			eventually(t, patience, func() error {
				if _, err := r.GetService(t.Context(), "shop"); !errors.Is(err, registry.ErrUnavailable) {
					return errors.New("the outage is not noticed")
				}
				return nil
			})
			_ = r.Close(t.Context())
			server.Restart(true)
			if refused == "" {
				t.Error("nothing was logged: this has shown nothing")
			}
			if strings.Contains(log.String(), password) {
				t.Errorf("the log shows the password:\n%s", log)
			}
		})
	}
}
