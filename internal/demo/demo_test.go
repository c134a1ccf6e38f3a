package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// nodeVar makes this test binary a node.
const nodeVar = "ROLLCALL_TEST_NODE"

func TestMain(m *testing.M) {
	if os.Getenv(nodeVar) != "" {
		if err := RunNode(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m,
		// What Hertz leaves running, whatever a program does: balancers, which have
		// no end; cleaners, which sleep before they see that there is nothing left
		// to clean; the pollers of its network library; and the clock of its Date
		// headers.
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client/loadbalance.(*BalancerFactory).watcher"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client/loadbalance.(*BalancerFactory).refresh"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client.(*Client).cleaner"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/protocol/http1.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/protocol.UpdateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/netpoll.(*defaultPoll).Wait"),
	)
}

// node is the command line of a node.
func node(t *testing.T) []string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(nodeVar, "1")
	return []string{self}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	err := Run(t.Context(), Config{Out: &out, Node: node(t)})
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"node-1, node-2, node-3, node-4\n", // the views
		"node-1, node-2 (draining), node-3, node-4\n",
		"node-1, node-3, node-4\n",
		"node-1, node-4\n",
		"\nok ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the output", want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{word: "known", found: cancel}
	start := time.Now()
	err := Run(ctx, Config{Out: out, Node: node(t)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}

// watched calls found when word is written.
type watched struct {
	word  string
	found func()
}

func (w *watched) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.word) {
		w.found()
	}
	return len(b), nil
}

func TestANodeThatDoesNotStartIsAnError(t *testing.T) {
	for name, command := range map[string][]string{
		"no such program":      {t.TempDir() + "/nothing"},
		"a program that fails": {node(t)[0], "-no-such-flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(nodeVar, "")
			if err := Run(t.Context(), Config{Out: &bytes.Buffer{}, Node: command}); err == nil {
				t.Error("Run: nil, want an error")
			}
		})
	}
}

func TestRedisThatIsNotThere(t *testing.T) {
	for _, url := range []string{"redis://u:secret@127.0.0.1:1", "nonsense://u:secret@h", "redis://u:secret @h"} {
		err := Run(t.Context(), Config{Redis: url, Out: &bytes.Buffer{}, Node: node(t)})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Run: %v, want an error without the password", url, err)
		}
	}
}
