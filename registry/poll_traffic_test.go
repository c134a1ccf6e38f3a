package registry_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A commandCount counts the commands that go over the connections that it dials.
type commandCount struct {
	dial func(context.Context, string, string) (net.Conn, error)
	mu   sync.Mutex
	sent map[string]int
}

func (c *commandCount) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, addr)
	return countedConn{conn, c}, err
}

func (c *commandCount) add(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range commandName.FindAllSubmatch(b, -1) {
		c.sent[strings.ToLower(string(m[1]))]++
	}
}

// take returns the counts since the last call.
func (c *commandCount) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = map[string]int{}
	return sent
}

type countedConn struct {
	net.Conn
	count *commandCount
}

var commandName = regexp.MustCompile(`\*\d+\r\n\$\d+\r\n(\w+)\r\n`)

func (c countedConn) Write(b []byte) (int, error) {
	c.count.add(b)
	return c.Conn.Write(b)
}

// Watches cost Redis as little as they can: services share a MULTI, lease ends are read
// only where one is near, and events take the place of pings and of polls.
func TestWhatWatchesSend(t *testing.T) {
	for _, tc := range []struct {
		name     string
		services int
		changes  int            // of the first one, each second
		most     map[string]int // in a minute
		least    map[string]int
	}{
		{"quiet", 4, 0, map[string]int{"multi": 26, "exec": 26, "time": 26, "ping": 41, "zrange": 4 * 15}, map[string]int{"zcard": 4 * 20}},
		{"busy", 1, 1, map[string]int{"multi": 15, "exec": 15, "time": 15, "ping": 1, "zrange": 10}, map[string]int{"zcard": 12}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, o := redistest.Synctest(t)
				writer := join(t, server, o)
				count := &commandCount{dial: o.Dialer, sent: map[string]int{}}
				own := *o
				own.Dialer = count.connect
				reader := join(t, server, &own)
				change := func(n int) {
					a := node("a")
					a.Weight = n
					if err := writer.Register(t.Context(), service("shop-0", a)); err != nil {
						t.Fatal(err)
					}
				}
				for i := range tc.services {
					name := fmt.Sprint("shop-", i)
					if err := writer.Register(t.Context(), service(name, node("a"))); err != nil {
						t.Fatal(err)
					}
					w, err := reader.Watch(t.Context(), registry.WatchService(name))
					if err != nil {
						t.Fatal(err)
					}
					defer w.Stop()
					defer func() { // one by one: a pipe has no room for the scripts of several
						if err := writer.Deregister(t.Context(), service(name, node("a"))); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(10 * time.Second) // until the polls have met
				synctest.Wait()
				count.take()
				for i := range 60 {
					time.Sleep(time.Second)
					if tc.changes > 0 {
						change(i + 11)
					}
				}
				synctest.Wait()
				sent := count.take()
				t.Log(sent)
				for command, most := range tc.most {
					if sent[command] > most {
						t.Errorf("%s: %d times in a minute, want at most %d", command, sent[command], most)
					}
				}
				for command, least := range tc.least {
					if sent[command] < least {
						t.Errorf("%s: %d times in a minute, want at least %d", command, sent[command], least)
					}
				}
			})
		})
	}
}
