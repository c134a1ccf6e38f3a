package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	neturl "net/url"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/registry/embedded"
)

// A backend is the Redis that a run uses.
type backend struct {
	url    string
	prefix string // of every key of this run, and of no other
	what   string // for people; holds no password
	server *embedded.Server
}

// openBackend starts an embedded Redis if url is empty.
func openBackend(url string) (*backend, error) {
	b := &backend{url: url, prefix: "rollcall:demo-" + nonce()}
	if url != "" {
		o, err := redis.ParseURL(url)
		if err != nil {
			var quoting *neturl.Error // it quotes the password
			if errors.As(err, &quoting) {
				err = quoting.Err
			}
			return nil, fmt.Errorf("--redis: %w; use redis://user:password@host:port/db", err)
		}
		b.what = fmt.Sprintf("yours at %s, keys below %s:", o.Addr, b.prefix)
		return b, nil
	}
	s, err := embedded.Start()
	if err != nil {
		return nil, err
	}
	b.url, b.server = s.URL(), s
	b.what = fmt.Sprintf("embedded in this process, at %s; --redis URL takes yours", s.Addr())
	return b, nil
}

func nonce() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (b *backend) close() error {
	if b.server == nil {
		return nil
	}
	return b.server.Close()
}

// sweep deletes what this run leaves in a Redis that goes on.
func (b *backend) sweep(ctx context.Context) (err error) {
	if b.server != nil {
		return nil // all of it goes
	}
	o, err := redis.ParseURL(b.url)
	if err != nil {
		return err
	}
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(o)
	defer func() {
		_ = client.Close()
		if err != nil {
			err = fmt.Errorf("delete the demo's keys below %s: %w", b.prefix, err)
		}
	}()
	left := client.Scan(ctx, 0, b.prefix+":*", 1000).Iterator()
	for left.Next(ctx) {
		if err := client.Del(ctx, left.Val()).Err(); err != nil {
			return err
		}
	}
	return left.Err()
}
