//go:build unix

package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
)

// leash is run by sh as the parent of a server. It writes the server's pid to
// stderr and kills the server at the first line on its stdin. Where there is no
// line but an end, the test process is gone, and so the data directory goes too.
// It ignores what a terminal or a dying parent sends, or it could go first.
const leash = `
trap '' HUP INT QUIT TERM
dir=$1
shift
"$@" </dev/null 2>&1 &
echo $! >&2
exec >&- 2>&-
read -r _ && dir=
kill -9 $!
wait $!
[ -z "$dir" ] || rm -rf "$dir"
`

// A process is one running server. It owns a single goroutine, run.
type process struct {
	pid    int
	paused atomic.Bool
	hold   io.WriteCloser // the server lives while this is open
	done   chan struct{}  // closed when the server is gone

	mu  sync.Mutex
	out bytes.Buffer // what the server printed
}

// startProcess runs a program that keeps its data in dir. It does not wait until
// the program is ready.
func startProcess(dir, program string, args ...string) (*process, error) {
	cmd := exec.Command("sh", append([]string{"-c", leash, "sh", dir, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of Ctrl-C
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("redistest: start %s: %w", program, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("redistest: start %s: %w", program, err)
	}
	pid, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("redistest: start %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("redistest: start %s: %w", program, err)
	}

	p := &process{hold: hold, done: make(chan struct{})}
	_, err = fmt.Fscan(pid, &p.pid)
	go p.run(cmd, out)
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("redistest: start %s: no process id: %w", program, err)
	}
	return p, nil
}

// run collects the output until the server is gone, then its parent.
func (p *process) run(cmd *exec.Cmd, out io.Reader) {
	defer close(p.done)
	_, _ = io.Copy(p, out)
	p.release()
	_ = cmd.Wait() // says only what killed the server
}

// Write keeps b for output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// output returns what the server printed so far.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// release makes the leash kill the server, unless it was called before.
func (p *process) release() {
	_, _ = io.WriteString(p.hold, "\n")
	_ = p.hold.Close()
}

// kill ends the server at once and waits until it is gone.
func (p *process) kill() {
	p.release()
	<-p.done
}

// alive says whether the server has neither ended nor been paused.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return !p.paused.Load()
	}
}

// pause stops the server without ending it, or lets it go on.
func (p *process) pause(on bool) error {
	select {
	case <-p.done: // its pid may be another's by now
		return errors.New("the server has ended")
	default:
	}
	sig := syscall.SIGCONT
	if on {
		sig = syscall.SIGSTOP
	}
	if err := syscall.Kill(p.pid, sig); err != nil {
		return fmt.Errorf("%v: %w", sig, err)
	}
	p.paused.Store(on)
	return nil
}
