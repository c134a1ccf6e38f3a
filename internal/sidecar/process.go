package sidecar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// A process is the command while it runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended; then what is below may be read

	code   int
	killer string // the signal that ended it; "": none
	err    error
}

// pipesOpen is how long output of the command is still copied after its end, where a
// process that it started keeps the pipe open.
const pipesOpen = time.Second

// Exit codes of commands that could not be started, as shells have them.
const (
	cannotExecute = 126
	noSuchCommand = 127
)

// start starts a command. Where that fails it returns the exit code that a shell would have.
func start(command []string, stdin io.Reader, stdout, stderr io.Writer) (*process, int, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, stderr
	p.cmd.WaitDelay = pipesOpen
	ownGroup(p.cmd)
	dieWithUs(p.cmd)
	started := make(chan error)
	go func() {
		// Linux kills the command when the thread that started it ends: keep that thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.wait()
		}
	}()
	switch err := <-started; {
	case err == nil:
		return p, 0, nil
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return nil, noSuchCommand, fmt.Errorf("start the command: %w", err)
	default:
		return nil, cannotExecute, fmt.Errorf("start the command: %w", err)
	}
}

func (p *process) wait() {
	defer close(p.ended)
	err := p.cmd.Wait()
	p.killGroup()
	p.code, p.killer = exitCode(p.cmd.ProcessState), killedBy(p.cmd.ProcessState)
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
		p.err = fmt.Errorf("wait for the command: %w", err)
	}
}

// end says how the command ended. Asked is the signal that asked for it, or nil.
func (p *process) end(asked os.Signal) string {
	text := fmt.Sprintf("the command ended with exit code %d", p.code)
	if p.killer != "" {
		text = "the command was killed by " + p.killer
	}
	if asked != nil {
		text = fmt.Sprintf("asked to end by a signal (%v); %s", asked, text)
	}
	return text
}

// isDevice reports whether a reader is a terminal, or another device such as /dev/null.
func isDevice(r io.Reader) bool {
	file, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
