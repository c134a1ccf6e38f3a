//go:build unix

package redistest_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestChild is the body of the process that TestServersEndWithTheProcess kills.
func TestChild(t *testing.T) {
	end := os.Getenv("REDISTEST_CHILD")
	if end == "" {
		return
	}
	running, paused := redistest.Start(t), redistest.Start(t)
	paused.Pause()
	os.Stdout.WriteString("servers " + running.Addr() + " " + paused.Addr() + "\n")
	if end == "panic" {
		panic("as the parent wished")
	}
	<-t.Context().Done() // until a signal or -timeout
}

func TestServersEndWithTheProcess(t *testing.T) {
	for _, end := range []string{"panic", "timeout", "SIGINT", "SIGTERM", "SIGKILL"} {
		t.Run(end, func(t *testing.T) {
			limit := time.Minute
			if end == "timeout" {
				limit = time.Second
			}
			child := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.timeout="+limit.String())
			child.Env = append(os.Environ(), "REDISTEST_CHILD="+end)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			defer child.Process.Kill()

			var servers []string
			for lines := bufio.NewScanner(out); servers == nil && lines.Scan(); {
				if rest, ok := strings.CutPrefix(lines.Text(), "servers "); ok {
					servers = strings.Fields(rest)
				}
			}
			signals := map[string]os.Signal{"SIGINT": os.Interrupt, "SIGTERM": syscall.SIGTERM, "SIGKILL": os.Kill}
			if s := signals[end]; s != nil {
				if err := child.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			if err := child.Wait(); err == nil || len(servers) != 2 {
				t.Fatalf("the child ended well with servers %v", servers)
			}
			ended := time.Now()
			for ; !refused(servers[0]) || !refused(servers[1]); <-time.After(5 * time.Millisecond) {
				if time.Since(ended) > 5*time.Second {
					t.Fatalf("a server outlives its process: %v", servers)
				}
			}
		})
	}
}
