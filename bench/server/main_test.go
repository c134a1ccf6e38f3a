package server

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// record is what the peers store for a node.
var record = `{"address":"10.0.0.1:8080","metadata":{"m":"` + strings.Repeat("x", 200) + `"}}`

func nodeID(i int) string { return fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250) }

// info returns the sum of the named figures of INFO.
func info(b *testing.B, c *redis.Client, section string, names ...string) (sum float64) {
	b.Helper()
	text, err := c.Info(context.WithoutCancel(b.Context()), section).Result()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		m := regexp.MustCompile(`(?m)^` + name + `:([0-9.]+)`).FindStringSubmatch(text)
		if m == nil {
			b.Fatalf("INFO %s has no %s", section, name)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum
}

// cpu is the CPU time that the server has used, in microseconds: commands, and reading
// and writing of connections.
func cpu(b *testing.B, c *redis.Client) float64 {
	return 1e6 * info(b, c, "cpu", "used_cpu_sys", "used_cpu_user")
}
