package registry

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A password that is changed while nodes are registered is logged by the registry, with the remedy,
// and not by go-redis.
func TestARotatedPasswordIsLoggedByTheRegistryAlone(t *testing.T) {
	var out, log redistest.Buffer
	redis.SetLogger(redisconn.NewQuietLogger(&out))
	t.Cleanup(func() { redis.SetLogger(redisconn.NewQuietLogger(os.Stderr)) })
	server := redistest.Start(t)
	user := func(password string) {
		if err := server.Client().ACLSetUser(t.Context(), "bob", "on", "resetpass", ">"+password, "~*", "&*", "+@all").Err(); err != nil {
			t.Fatal(err)
		}
	}
	user("old")
	lost := make(chan error, 100)
	r := NewRegistry(Addrs(server.Addr()), Username("bob"), Password("old"), Logger(zerolog.New(&log).Level(zerolog.WarnLevel)), TTL(time.Second))
	defer func() { _ = r.Close(t.Context()) }()
	err := r.Register(t.Context(), &Service{Name: "shop", Nodes: []*Node{{ID: "a", Address: "10.0.0.1:80"}}}, OnState(func(s State, err error) {
		if s == Lost {
			lost <- err
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	user("new")
	if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "USER", "bob").Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-lost:
	case <-time.After(time.Minute):
		t.Fatal("not lost")
	}
	for what, text := range map[string]string{"OnState": err.Error(), "the log": log.String()} {
		if !strings.Contains(text, "WRONGPASS") || !strings.Contains(text, "check the user and the password in URL, Username and Password, or CredentialsProvider") {
			t.Errorf("%s does not name the remedy: %s", what, text)
		}
	}
	if !strings.Contains(log.String(), "redis refuses the user or the password") {
		t.Errorf("the log takes it for another refusal: %s", log.String())
	}
	if got := out.String(); got != "" {
		t.Errorf("go-redis wrote:\n%s", got)
	}
}
