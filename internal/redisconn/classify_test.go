package redisconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A said is an error as Redis sends it.
type said string

func (s said) Error() string { return string(s) }

// RedisError marks it for go-redis.
func (said) RedisError() {}

var sentinels = []error{
	errdefs.ErrNotFound, errdefs.ErrWatcherStopped, errdefs.ErrClosed, errdefs.ErrInvalid, errdefs.ErrConflict, errdefs.ErrSuperseded, errdefs.ErrUnavailable, errdefs.ErrPermission,
}

func TestClassify(t *testing.T) {
	own := errors.New("the caller's own")
	for _, c := range []struct {
		err  error
		want error // the sentinel; nil for none
	}{
		{io.EOF, errdefs.ErrUnavailable},
		{syscall.ECONNREFUSED, errdefs.ErrUnavailable},
		{&net.OpError{Op: "dial", Err: syscall.ECONNRESET}, errdefs.ErrUnavailable},
		{context.DeadlineExceeded, errdefs.ErrUnavailable},
		{redis.ErrClosed, errdefs.ErrClosed},
		{redis.ErrPoolTimeout, errdefs.ErrUnavailable},
		{lua.ErrLate, errdefs.ErrUnavailable},
		{said("LOADING Redis is loading the dataset in memory"), errdefs.ErrUnavailable},
		{said("READONLY You can't write against a read only replica."), errdefs.ErrUnavailable},
		{said("CLUSTERDOWN The cluster is down"), errdefs.ErrUnavailable},
		{said("OOM command not allowed when used memory > 'maxmemory'."), errdefs.ErrUnavailable},
		{said("TRYAGAIN Multiple keys request during rehashing of slot"), errdefs.ErrUnavailable},
		{said("EXECABORT Transaction discarded because of previous errors."), errdefs.ErrUnavailable},

		{said("NOPERM this user has no permissions to run the 'hget' command"), errdefs.ErrPermission},
		{said("NOAUTH Authentication required."), errdefs.ErrPermission},
		{said("WRONGPASS invalid username-password pair or user is disabled."), errdefs.ErrPermission},
		{said("ERR The user executing the script can't run this command or subcommand script: 0a"), errdefs.ErrPermission},
		{said("ERR ACL failure in script: User u has no permissions to run the 'hset' command"), errdefs.ErrPermission},

		{said("WRONGTYPE Operation against a key holding the wrong kind of value"), errdefs.ErrConflict},
		{&lua.WrongTypeError{Key: "k"}, errdefs.ErrConflict},

		{errdefs.Invalid("TTL", "%v is too short", 1), errdefs.ErrInvalid},
		{fmt.Errorf("wrapped: %w", errdefs.ErrSuperseded), errdefs.ErrSuperseded},
		{&errdefs.NodeError{Node: "a", Err: errdefs.ErrConflict}, errdefs.ErrConflict},
		{errdefs.ErrNotFound, errdefs.ErrNotFound},
		{errdefs.ErrClosed, errdefs.ErrClosed},

		{context.Canceled, nil},
		{fmt.Errorf("redis: %w", context.Canceled), nil},
		{errors.ErrUnsupported, nil},
		{fmt.Errorf("%w: %w", errdefs.ErrCheck, own), nil},
		{fmt.Errorf("%w: %w", errdefs.ErrCheck, context.DeadlineExceeded), nil},
	} {
		got := Classify(c.err)
		for _, s := range sentinels {
			if errors.Is(got, s) != (s == c.want) {
				t.Errorf("%v became %v, want %v", c.err, got, c.want)
			}
		}
		if !errors.Is(got, c.err) {
			t.Errorf("%v is lost in %v", c.err, got)
		}
		if again := Classify(got); again.Error() != got.Error() {
			t.Errorf("classified twice, %v became %v", got, again)
		}
	}
	if err := Classify(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}

// The error is that of the refused command in a transaction, not that the rest was discarded.
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
		{"no command failed", abort, abort, []redis.Cmder{cmd(abort), cmd(nil)}},
	} {
		if got := Refusal(c.cmds, c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
