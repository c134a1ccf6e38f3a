package discovery_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// staleShop is a view that is stale since a time.
func staleShop(since time.Time, err error) *registry.View {
	v := shop(1, "a", "b")
	v.StaleSince, v.Err = since, err
	return v
}

// An outage of many services is one line when it begins, one a minute, and one when it
// ends; one of 1,000 names one of them, and says how many they are.
func TestStaleViewsAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		opt, log := logged()
		r := resolver(t, src, opt)
		const services = 1000
		name := func(i int) string { return fmt.Sprint("shop-", i) }
		for i := range services {
			src.set(name(i), shop(1, "a", "b"))
			if _, err := r.Resolve(t.Context(), name(i)); err != nil {
				t.Fatal(err)
			}
		}
		since := time.Now()
		for i := range services {
			src.set(name(i), staleShop(since, registry.ErrUnavailable))
		}
		time.Sleep(150 * time.Second)
		for i := range services {
			src.set(name(i), shop(1, "a", "b"))
		}
		time.Sleep(time.Second)
		lines := strings.Split(strings.TrimSpace(log()), "\n")
		want := []string{
			`"level":"warn","error":"redis unavailable".*"services":1000.*"service":"shop-.*are stale`, "still stale", "still stale",
			`"level":"warn",.*"lasted":"2m30.*no view is stale`,
		}
		if len(lines) != len(want) {
			t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), log())
		}
		for i, line := range lines {
			if !regexp.MustCompile(want[i]).MatchString(line) {
				t.Errorf("line %d: %s, want %s", i, line, want[i])
			}
		}
	})
}

// An outage that the registry warns of is no second warning; a refusal is one.
func TestStaleViewsOfRedisAreNoSecondWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		join := simulated(t)
		server, _ := join()
		client, net := join()
		register(t, server, static("shop", "", "a"))
		opt, log := logged()
		r := resolver(t, client, opt)
		resolve(t, r)
		net.set(true)
		time.Sleep(30 * time.Second)
		same(t, "stale", resolve(t, r).Live(), false)
		net.set(false)
		time.Sleep(30 * time.Second)
		same(t, "live", resolve(t, r).Live(), true)
		if strings.Contains(log(), `"level":"warn"`) || strings.Count(log(), "stale") != 2 {
			t.Errorf("logged\n%s", log())
		}
	})
}

// Without a logger, warnings go to standard error, one line each.
func TestDefaultLogIsStandardError(t *testing.T) {
	before := os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = write
	defer func() { os.Stderr = before }()
	src := newFakeSource()
	src.set("shop", shop(1, "a", "b"))
	r := discovery.New(src, discovery.Ejection(1, time.Second, time.Minute))
	resolve(t, r)
	call(t, r, "a", 1, errBroken)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_ = write.Close()
	out, _ := io.ReadAll(read)
	if !regexp.MustCompile(`^\S+ WRN rollcall: node ejected.*\n$`).Match(out) {
		t.Errorf("logged %q", out)
	}
}

// A *slog.Logger gets the lines with their levels and fields.
func TestSlog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out redistest.Buffer
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Slog(slog.New(slog.NewTextHandler(&out, nil))), discovery.Ejection(1, time.Second, time.Minute))
		resolve(t, r)
		call(t, r, "a", 1, errBroken)
		synctest.Wait()
		if !regexp.MustCompile(`level=WARN msg="rollcall: node ejected.*service=shop.*node=a`).MatchString(out.String()) {
			t.Errorf("logged %q", out.String())
		}
	})
}
