package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// An instance is a server as it outlives its process: port, files, client.
type instance struct {
	binary string
	args   []string
	dir    string
	port   int
	client *redis.Client
	proc   atomic.Pointer[process]
}

// newInstance starts a server on a free port, and on the port 10000 above it
// where bus is set.
func newInstance(bus bool, args ...string) (*instance, error) {
	binary, err := findServer()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, fmt.Errorf("redistest: data directory: %w", err)
	}
	// An own file lets Sentinel, and CONFIG REWRITE, keep what they change.
	if err := os.WriteFile(filepath.Join(dir, "redis.conf"), nil, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("redistest: configuration: %w", err), os.RemoveAll(dir))
	}
	i := &instance{binary: binary, args: args, dir: dir}
	for range 5 {
		if i.port, err = freePort(bus); err != nil {
			break
		}
		if err = i.run(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	i.client = redis.NewClient(clientOptions(i.addr()))
	return i, nil
}

// findServer returns the path of the server to test.
func findServer() (string, error) {
	if name := os.Getenv("REDIS_SERVER"); name != "" {
		if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
			return "", fmt.Errorf("REDIS_SERVER=%s: a test runs in the directory of its package, so give an absolute path", name)
		}
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("REDIS_SERVER=%s: give the path of a redis-server or valkey-server that can be run, or nothing for the one that is installed (%w)", name, err)
		}
		return path, nil
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("redis-server is not installed: run make test, or apt-get install redis-server redis-sentinel / brew install redis (%w)", err)
	}
	return path, nil
}

// clientOptions are those of a client that asks nothing of the server but what
// its user calls. The pool is large because go-redis, after as many failed dials
// as the pool has places, learns up to a second late that the server is back.
func clientOptions(addr string) *redis.Options {
	return &redis.Options{
		Addr:                     addr,
		PoolSize:                 1000,
		DialerRetries:            1,
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// freePort picks a port on 127.0.0.1 that no process listens on. It is below the
// ephemeral ports, or an outgoing connection could take it during a restart.
func freePort(bus bool) (int, error) {
	var err error
	for range 100 {
		port := 10000 + rand.IntN(11000)
		if err = canListen(port); err == nil && bus {
			err = canListen(port + 10000)
		}
		if err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("redistest: no free port: %w", err)
}

func canListen(port int) error {
	l, err := net.Listen("tcp", localhost(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func localhost(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (i *instance) addr() string { return localhost(i.port) }

var errPortTaken = errors.New("the port was taken")

// run starts the process and waits until it serves.
func (i *instance) run() error {
	args := append([]string{
		filepath.Join(i.dir, "redis.conf"),
		"--bind", "127.0.0.1", "--port", strconv.Itoa(i.port), "--dir", i.dir,
		"--save", "", "--appendonly", "no",
		"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
	}, i.args...)
	p, err := startProcess(i.dir, i.binary, args...)
	if err != nil {
		return err
	}
	i.proc.Store(p)

	var ended error
	err = await("start "+i.binary, func(ctx context.Context) error {
		err := i.ready(ctx, p.pid)
		select {
		case <-p.done:
			ended = fmt.Errorf("redistest: %s ended:\n%s", i.binary, p.output())
			if strings.Contains(p.output(), "Address already in use") {
				ended = fmt.Errorf("%w: %w", errPortTaken, ended)
			}
			return nil
		default:
			return err
		}
	})
	if err != nil {
		p.kill()
		return fmt.Errorf("%w\n%s", err, p.output())
	}
	return ended
}

// ready returns nil once our process, and not another one that was quicker to
// take the port, answers PING.
func (i *instance) ready(ctx context.Context, pid int) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", i.addr())
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	if _, err := c.Write([]byte("PING\r\nINFO server\r\nQUIT\r\n")); err != nil {
		return err
	}
	lines := bufio.NewScanner(c)
	for first := true; lines.Scan(); first = false {
		switch line := lines.Text(); {
		case first && strings.HasPrefix(line, "-NOAUTH"):
			return nil // a password was asked for; it serves
		case first && line != "+PONG":
			return errors.New(line)
		case line == fmt.Sprintf("process_id:%d", pid):
			return nil
		}
	}
	return fmt.Errorf("another process answers on %s (%v)", i.addr(), lines.Err())
}

// stop ends the process and removes its files, as far as that goes: a child that
// was saving may still write one.
func (i *instance) stop() {
	_ = i.client.Close()
	i.proc.Load().kill()
	_ = os.RemoveAll(i.dir)
}

// forget removes what the server saved.
func (i *instance) forget() error {
	var err error
	for _, name := range []string{"dump.rdb", "appendonlydir", "appendonly.aof"} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(i.dir, name)))
	}
	return err
}
