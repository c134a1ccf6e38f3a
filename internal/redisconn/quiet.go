package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// go-redis writes a line to standard error for each dial that fails, by a logger that
// all clients of the process share. Dials of our own clients fail with a dialError, and
// lines about those are left out: the registry logs an outage itself. Lines of
// other clients stay as they are, and a program that calls redis.SetLogger decides for
// itself.
func init() { redis.SetLogger(NewQuietLogger(os.Stderr)) }

// A dialError is why a client of our own could not dial.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// dialer is go-redis's own dialer, for a client of ours.
func dialer(timeout time.Duration, secure *tls.Config) redis.DialHook {
	return marked(redis.NewDialer(&redis.Options{DialTimeout: timeout, TLSConfig: secure}))
}

// marked makes dialErrors of the errors of a dialer.
func marked(dial redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		if err != nil {
			return nil, dialError{err}
		}
		return nc, nil
	}
}

// A quietLogger writes as go-redis's default logger does, but says nothing of
// dialErrors.
type quietLogger struct{ *log.Logger }

// NewQuietLogger returns a logger for go-redis that writes to out.
func NewQuietLogger(out io.Writer) quietLogger {
	return quietLogger{log.New(out, "redis: ", log.LstdFlags|log.Lshortfile)}
}

func (l quietLogger) Printf(_ context.Context, format string, args ...any) {
	if !slices.ContainsFunc(args, isDialError) {
		const caller = 3 // beyond go-redis's own Printf
		_ = l.Output(caller, fmt.Sprintf(format, args...))
	}
}

func isDialError(arg any) bool {
	err, ok := arg.(error)
	return ok && errors.As(err, new(dialError))
}
