package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/lua"
)

// A said is an error as Redis sends it.
type said string

func (s said) Error() string { return string(s) }

// RedisError marks it for go-redis.
func (said) RedisError() {}

var sentinels = []error{
	ErrNotFound, ErrWatcherStopped, ErrClosed, ErrInvalid, ErrConflict, ErrSuperseded, ErrUnavailable, ErrPermission,
}

func TestClassify(t *testing.T) {
	own := errors.New("the caller's own")
	for _, c := range []struct {
		err  error
		want error // the sentinel; nil for none
	}{
		{io.EOF, ErrUnavailable},
		{syscall.ECONNREFUSED, ErrUnavailable},
		{&net.OpError{Op: "dial", Err: syscall.ECONNRESET}, ErrUnavailable},
		{context.DeadlineExceeded, ErrUnavailable},
		{redis.ErrClosed, ErrClosed},
		{redis.ErrPoolTimeout, ErrUnavailable},
		{lua.ErrLate, ErrUnavailable},
		{said("LOADING Redis is loading the dataset in memory"), ErrUnavailable},
		{said("READONLY You can't write against a read only replica."), ErrUnavailable},
		{said("CLUSTERDOWN The cluster is down"), ErrUnavailable},
		{said("OOM command not allowed when used memory > 'maxmemory'."), ErrUnavailable},
		{said("TRYAGAIN Multiple keys request during rehashing of slot"), ErrUnavailable},
		{said("EXECABORT Transaction discarded because of previous errors."), ErrUnavailable},

		{said("NOPERM this user has no permissions to run the 'hget' command"), ErrPermission},
		{said("NOAUTH Authentication required."), ErrPermission},
		{said("WRONGPASS invalid username-password pair or user is disabled."), ErrPermission},
		{said("ERR The user executing the script can't run this command or subcommand script: 0a"), ErrPermission},
		{said("ERR ACL failure in script: User u has no permissions to run the 'hset' command"), ErrPermission},

		{said("WRONGTYPE Operation against a key holding the wrong kind of value"), ErrConflict},
		{&lua.WrongTypeError{Key: "k"}, ErrConflict},

		{invalid("TTL", "%v is too short", 1), ErrInvalid},
		{fmt.Errorf("wrapped: %w", ErrSuperseded), ErrSuperseded},
		{&nodeError{"a", ErrConflict}, ErrConflict},
		{ErrNotFound, ErrNotFound},
		{ErrClosed, ErrClosed},

		{context.Canceled, nil},
		{fmt.Errorf("redis: %w", context.Canceled), nil},
		{errors.ErrUnsupported, nil},
		{fmt.Errorf("%w: %w", errCheck, own), nil},
		{fmt.Errorf("%w: %w", errCheck, context.DeadlineExceeded), nil},
	} {
		got := classify(c.err)
		for _, s := range sentinels {
			if errors.Is(got, s) != (s == c.want) {
				t.Errorf("%v became %v, want %v", c.err, got, c.want)
			}
		}
		if !errors.Is(got, c.err) {
			t.Errorf("%v is lost in %v", c.err, got)
		}
		if again := classify(got); again.Error() != got.Error() {
			t.Errorf("classified twice, %v became %v", got, again)
		}
	}
	if err := classify(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}

func TestFailure(t *testing.T) {
	if err := failure("get", "ns", "svc", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{failure("init", "", "", ErrClosed), "rollcall: init: registry closed"},
		{failure("get", "default", "shop", ErrNotFound), "rollcall: get default/shop: not found"},
		{failure("register", "eu", "shop", &nodeError{"10.0.0.1:80", ErrSuperseded}), "rollcall: register eu/shop/10.0.0.1:80: superseded by a newer lease"},
		{failure("list", "eu", "", io.EOF), "rollcall: list eu: redis unavailable: EOF"},
		{failure("get", "", "shop", invalid("Name", "is empty")), "rollcall: get shop: invalid: Name: is empty"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	var op *OpError
	err := fmt.Errorf("start: %w", failure("register", "eu", "shop", &nodeError{"a", ErrConflict}))
	if !errors.As(err, &op) || op.Op != "register" || op.Namespace != "eu" || op.Service != "shop" || op.Node != "a" {
		t.Errorf("%v tells %+v", err, op)
	}
}

// A refused command inside a transaction is told, not that the rest was discarded.
func TestRefusal(t *testing.T) {
	abort, denied := said("EXECABORT Transaction discarded because of previous errors."), said("NOPERM no")
	cmd := func(err error) redis.Cmder {
		c := redis.NewCmd(context.Background())
		c.SetErr(err)
		return c
	}
	for _, c := range []struct {
		name      string
		err, want error
		cmds      []redis.Cmder
	}{
		{"success", nil, nil, []redis.Cmder{cmd(nil)}},
		{"a network error", io.EOF, io.EOF, []redis.Cmder{cmd(io.EOF)}},
		{"the last was refused", abort, denied, []redis.Cmder{cmd(abort), cmd(denied)}},
		{"the first was refused", abort, denied, []redis.Cmder{cmd(denied), cmd(abort)}},
		{"nobody knows", abort, abort, []redis.Cmder{cmd(abort), cmd(nil)}},
	} {
		if got := refusal(c.cmds, c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Which failures of a first Register RegisterRetry goes on after, and after which
// Redis may have done the work all the same.
func TestPassing(t *testing.T) {
	for _, c := range []struct {
		err              error
		passing, unknown bool
	}{
		{io.EOF, true, true},
		{context.DeadlineExceeded, true, true},
		{lua.ErrLate, true, true},
		{said("NOPERM no"), false, false}, // rights do not come by themselves
		{said("ERR unknown command 'evalsha'"), false, false},
		{fmt.Errorf("%w: sick", errCheck), true, false},
		{context.Canceled, false, true},
		{invalid("TTL", ""), false, false},
		{&nodeError{"a", ErrConflict}, false, false},
		{ErrSuperseded, false, false},
		{ErrClosed, false, false},
	} {
		if got := passing(c.err); got != c.passing {
			t.Errorf("%v: passing %v", c.err, got)
		}
		if got := unknown(c.err); got != c.unknown {
			t.Errorf("%v: unknown %v", c.err, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{Create, "create"},
		{Update, "update"},
		{Delete, "delete"},
		{Action(3), "unknown"},
		{Action(-1), "unknown"},
		{Up, "up"},
		{Draining, "draining"},
		{Status(2), "unknown"},
		{Status(-1), "unknown"},
		{Pending, "pending"},
		{Live, "live"},
		{Lost, "lost"},
		{Withheld, "withheld"},
		{Superseded, "superseded"},
		{Removed, "removed"},
		{Left, "left"},
		{State(7), "unknown"},
		{State(-1), "unknown"},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestOpErrorIsATimeout(t *testing.T) {
	for err, want := range map[error]bool{
		&OpError{Op: "get", Err: classify(context.DeadlineExceeded)}: true,
		&OpError{Op: "get", Err: ErrNotFound}:                        false,
		&OpError{Op: "get"}:                                          false,
	} {
		if got := err.(*OpError).Timeout(); got != want {
			t.Errorf("%v: a time-out %v, want %v", err, got, want)
		}
	}
}
