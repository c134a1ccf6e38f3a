package redisconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// Meet asks the server what it is, until it has answered once, and returns an error
// where the options do not suit it. HELLO needs no right. A server that does not know
// HELLO, such as a proxy, is taken as it is. One that cannot serve now, and says so, such
// as LOADING, has said nothing of itself: that is returned, and it is asked again.
func (c *Conn) Meet(ctx context.Context) error {
	if c.met.Load() {
		return nil
	}
	ctx, cancel := c.Bound(ctx)
	defer cancel()
	// Between TLS and plain text there may be no answer at all: some of the time is
	// for finding that out.
	deadline, _ := ctx.Deadline()
	limited, stop := context.WithTimeout(ctx, time.Until(deadline)*2/3)
	defer stop()
	hello := redis.NewMapStringInterfaceCmd(limited, "hello", c.protocol())
	err := c.Process(limited, hello)
	var reply redis.Error
	switch {
	case err == nil:
		err = c.suits(hello.Val())
	case !errors.As(err, &reply):
		c.Reload(ctx)
		return cmp.Or(c.misdialed(ctx, err), err)
	case strings.Contains(strings.ToLower(err.Error()), "'hello'"), redis.HasErrorPrefix(err, "NOPROTO"),
		redis.HasErrorPrefix(err, "ERR") && !Hopeless(Classify(err)):
		err = nil
	default:
		c.Reload(ctx)
	}
	c.met.Store(err == nil)
	c.contacted.Store(true) // with whatever answer
	return err
}

// protocol is the version of RESP that the client speaks: HELLO must not change it.
func (c *Conn) protocol() int {
	const newest = 3 // go-redis's default
	switch client := c.UniversalClient.(type) {
	case *redis.Client:
		return cmp.Or(client.Options().Protocol, newest)
	case *redis.ClusterClient:
		return cmp.Or(client.Options().Protocol, newest)
	}
	return newest
}

// suits checks a server by its answer to HELLO.
func (c *Conn) suits(hello map[string]any) error {
	_, single := c.UniversalClient.(*redis.Client)
	version, _ := hello["version"].(string)
	switch {
	case hello["server"] == "redis" && older(version, oldest):
		return unsupported("redis " + version)
	case hello["mode"] == "sentinel":
		return &errdefs.FieldError{Field: "MasterName", What: "the server is a sentinel", Do: "set MasterName to the name of the master"}
	case hello["mode"] == "cluster" && single && c.o.Client != nil:
		return errdefs.Invalid("Client", "the server is part of a cluster: share a *redis.ClusterClient")
	case hello["mode"] == "cluster" && single:
		return &errdefs.FieldError{Field: "Cluster", What: "the server is part of a cluster", Do: "set Cluster(true), without MasterName"}
	}
	return nil
}

// older compares versions by major and minor number. One that cannot be read is not
// older.
func older(version, than string) bool {
	var major, minor, leastMajor, leastMinor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	_, _ = fmt.Sscanf(than, "%d.%d", &leastMajor, &leastMinor)
	return cmp.Or(cmp.Compare(major, leastMajor), cmp.Compare(minor, leastMinor)) < 0
}

// misdialed finds out, after a call that found no answer, whether the server speaks TLS
// and we do not, or the other way round. It returns nil where that is not the reason.
func (c *Conn) misdialed(ctx context.Context, err error) error {
	var dial *net.OpError
	if mistake(err) != nil || errors.As(err, &dial) && dial.Op == "dial" && !dial.Timeout() {
		return nil
	}
	// A server that speaks TLS hangs up on plain text; go-redis asks sentinels again
	// until the time is over.
	if !c.secure && c.o.MasterName == "" && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	for i, addr := range c.dials {
		deadline, _ := ctx.Deadline()
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(c.dials)-i))
		switch {
		case c.secure && speaksPlain(limited, addr):
			err = &errdefs.FieldError{Field: "Secure", What: addr + " does not speak TLS", Do: "leave Secure, TLSConfig and rediss:// out, or use its TLS port", Err: err}
		case !c.secure && speaksTLS(limited, addr):
			err = &errdefs.FieldError{Field: "Secure", What: addr + " speaks TLS", Do: "set Secure, TLSConfig or rediss://", Err: err}
		}
		cancel()
		if errors.Is(err, errdefs.ErrInvalid) {
			return err
		}
	}
	return nil
}

// speaksPlain reports whether a server answers to PING without TLS, in whatever way.
func speaksPlain(ctx context.Context, addr string) bool {
	var answer [1]byte
	return talk(ctx, addr, func(nc net.Conn) error {
		if _, err := nc.Write([]byte("PING\r\n")); err != nil {
			return err
		}
		_, err := nc.Read(answer[:])
		return err
	}) == nil && (answer[0] == '+' || answer[0] == '-')
}

// speaksTLS reports whether a server knows TLS, whatever its certificate: nothing is
// said to it.
func speaksTLS(ctx context.Context, addr string) bool {
	err := talk(ctx, addr, func(nc net.Conn) error {
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
	})
	var alert *net.OpError
	return err == nil || errors.As(err, &alert) && alert.Op == "remote error"
}

// talk dials, and bounds what f does with the connection.
func talk(ctx context.Context, addr string, f func(net.Conn) error) error {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = nc.SetDeadline(deadline)
	}
	return f(nc)
}
