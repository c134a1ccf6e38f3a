package measure

import (
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Info returns the sum of the named figures of INFO.
func Info(tb testing.TB, c *redis.Client, section string, names ...string) (sum float64) {
	tb.Helper()
	text, err := c.Info(context.WithoutCancel(tb.Context()), section).Result()
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		m := regexp.MustCompile(`(?m)^` + name + `:([0-9.]+)`).FindStringSubmatch(text)
		if m == nil {
			tb.Fatalf("INFO %s has no %s", section, name)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			tb.Fatal(err)
		}
		sum += n
	}
	return sum
}

// RedisCPU is the CPU time that the server has used, in microseconds: commands, and reading
// and writing of connections.
func RedisCPU(tb testing.TB, c *redis.Client) float64 {
	return 1e6 * Info(tb, c, "cpu", "used_cpu_sys", "used_cpu_user")
}

var commandTime = regexp.MustCompile(`(?m)^cmdstat_(evalsha|hset|sadd|zadd|pexpire):calls=\d+,usec=(\d+)`)

// InCommands is how long the server has spent in scripts, or where it has run none, in
// commands that write nodes, since CONFIG RESETSTAT, in microseconds. The time of a script holds that of its commands.
func InCommands(tb testing.TB, c *redis.Client) (sum float64) {
	text, err := c.Info(tb.Context(), "commandstats").Result()
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range commandTime.FindAllStringSubmatch(text, -1) {
		usec, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			tb.Fatal(err)
		}
		if m[1] == "evalsha" {
			return usec
		}
		sum += usec
	}
	return sum
}

// Listen subscribes to a channel and drops what comes, until the end of the benchmark: a
// message to nobody costs the server less.
func Listen(tb testing.TB, c *redis.Client, channel string) {
	sub := c.Subscribe(tb.Context(), channel)
	if _, err := sub.Receive(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := sub.ReceiveMessage(context.Background()); err != nil {
				return // closed
			}
		}
	}()
	tb.Cleanup(func() {
		_ = sub.Close()
		<-done
	})
}
