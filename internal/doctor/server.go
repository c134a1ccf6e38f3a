package doctor

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A server is what a master says of itself.
type server struct {
	addr   string
	hello  map[string]any    // nil: it does not know HELLO
	info   map[string]string // nil: this user may not ask
	config map[string]string // what this user may ask
	took   time.Duration     // a round trip
	ahead  time.Duration     // its clock before ours
	timed  bool              // ahead is known
}

// settings are asked for one by one: some services allow a part of CONFIG.
var settings = []string{
	"save", "stop-writes-on-bgsave-error", "min-replicas-to-write", "notify-keyspace-events",
	"client-output-buffer-limit", "timeout", "tcp-keepalive",
}

func askServer(ctx context.Context, c *redis.Client, now func() time.Time) (*server, error) {
	s := &server{addr: c.Options().Addr, config: map[string]string{}}
	for range 3 { // the best of them: the first one may dial
		begun := time.Now()
		if err := c.Ping(ctx).Err(); err != nil && !refused(err) {
			return nil, err
		}
		if took := time.Since(begun); s.took == 0 || took < s.took {
			s.took = took
		}
	}
	before := now()
	if clock, err := c.Time(ctx).Result(); err == nil {
		s.ahead, s.timed = clock.Sub(before.Add(now().Sub(before)/2)), true
	}
	// HELLO needs no right. The version of the protocol must not change by it.
	hello := redis.NewMapStringInterfaceCmd(ctx, "hello", cmp.Or(c.Options().Protocol, 3))
	_ = c.Process(ctx, hello)
	s.hello = hello.Val()
	if text, err := c.Info(ctx).Result(); err == nil {
		s.info = parseInfo(text)
	}
	for _, name := range settings {
		found, err := c.ConfigGet(ctx, name).Result()
		if err != nil {
			continue
		}
		if value, ok := found[name]; ok {
			s.config[name] = value
		}
	}
	return s, nil
}

// refused reports whether the server has answered, and said no.
func refused(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

// parseInfo reads the answer to INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			info[name] = value
		}
	}
	return info
}

// number is a number of INFO; a missing one is 0.
func (s *server) number(name string) int64 {
	n, _ := strconv.ParseInt(s.info[name], 10, 64)
	return n
}

// said is a text of HELLO.
func (s *server) said(name string) string {
	text, _ := s.hello[name].(string)
	return text
}

// fine is what a check finds where all is well.
func fine(format string, args ...any) Finding {
	return Finding{Level: OK, What: fmt.Sprintf(format, args...)}
}

func bad(level Level, remedy, format string, args ...any) Finding {
	return Finding{Level: level, What: fmt.Sprintf(format, args...), Remedy: remedy}
}

// untold is what a check finds where the server does not tell this user.
func untold(command string) Finding {
	return bad(Unknown, "run doctor as a user with +"+strings.ToLower(strings.ReplaceAll(command, " ", "|"))+
		", or look at it in the console of your provider", "this user may not call %s", command)
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", unit * unit * unit}, {"MiB", unit * unit}, {"KiB", unit}} {
		if bytes >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(bytes)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d B", bytes)
}
