package hertzadapter

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/registry"
)

// processVar makes this test binary a server process, as its value says.
const processVar = "ROLLCALL_TEST_SERVER"

// A processConfig is the settings of a server process.
type processConfig struct {
	URL           string
	TTL           time.Duration
	Drain         time.Duration
	Timeout, Exit time.Duration // of Deregister, and of Hertz's shutdown
}

// runProcess is a whole Hertz server as its users write it, which ends by SIGTERM. It
// says "registered" when it is, and ends with its standard input, so that none is left
// behind.
func runProcess(config string) error {
	var c processConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	name := fmt.Sprint(os.Getpid())
	log := zerolog.New(os.Stderr).Level(zerolog.WarnLevel).With().Str("server", name).Logger() // what failed may be for that
	r := registry.NewRegistry(registry.URL(c.URL), registry.TTL(c.TTL), registry.Timeout(time.Second))
	done := make(chan error, 1)
	h := server.New(
		server.WithListener(l),
		server.WithExitWaitTime(c.Exit),
		server.WithRegistry(announced{NewRegistry(r, WithDrain(c.Drain), WithTimeout(c.Timeout), WithLogger(log)), done},
			&hertzregistry.Info{ServiceName: "shop", Addr: l.Addr()}),
	)
	h.Any("/", func(_ context.Context, c *app.RequestContext) { c.String(consts.StatusOK, "%s", name) })
	go func() { fmt.Println("registered", l.Addr(), <-done) }()
	h.Spin()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.Close(ctx)
	return nil
}

// A process is a server process.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// spawn starts a server process; up waits until it is registered.
func spawn(t *testing.T, c processConfig) *process {
	t.Helper()
	config, err := json.Marshal(c)
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), processVar+"="+string(config))
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &process{cmd: cmd, stdin: stdin, lines: bufio.NewScanner(stdout)}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return p
}

func (p *process) up(t *testing.T) {
	t.Helper()
	for p.lines.Scan() {
		if line := p.lines.Text(); strings.HasPrefix(line, "registered ") {
			if !strings.HasSuffix(line, " <nil>") {
				t.Fatal(line)
			}
			return
		}
	}
	t.Fatalf("the process has ended before it was registered: %v", p.lines.Err())
}

// name is what it answers.
func (p *process) name() string { return fmt.Sprint(p.cmd.Process.Pid) }

// term asks it to end, and waits until it has.
func (p *process) term(t *testing.T) {
	t.Helper()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.gone(t)
}

// kill gives it no time to deregister.
func (p *process) kill(t *testing.T) {
	t.Helper()
	must(t, p.cmd.Process.Kill())
	p.gone(t)
}

func (p *process) gone(t *testing.T) {
	t.Helper()
	for p.lines.Scan() { // to the end
	}
	if err := p.cmd.Wait(); err != nil && p.cmd.ProcessState.ExitCode() > 0 {
		t.Errorf("the process ended with %v", err)
	}
}
