package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A process is a node that runs as a child of this process. It ends when its
// standard input does, and so with its parent, however that ends.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser

	moments map[moment]chan time.Time // each gets one time, or none
	exited  chan struct{}             // closed when the process is gone
	err     error                     // how it ended; read it after exited
	stderr  bytes.Buffer              // likewise
}

// A moment is a point in the life of a node. The first two are lines that the
// node writes when it gets there, followed by the time in Unix nanoseconds.
type moment string

const (
	registering   moment = "registering"
	deregistering moment = "deregistering"
	killed        moment = "killed"
)

// leaveLine makes a node shut down gracefully.
const leaveLine = "leave"

// launch starts a node by a command line that runs RunNode.
func launch(command []string, cfg nodeConfig) (*process, error) {
	first, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	p := &process{
		name: cfg.Name,
		cmd:  exec.Command(command[0], command[1:]...),
		moments: map[moment]chan time.Time{
			registering: make(chan time.Time, 1), deregistering: make(chan time.Time, 1), killed: make(chan time.Time, 1),
		},
		exited: make(chan struct{}),
	}
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Name, err)
	}
	go p.follow(stdout)
	_, err = p.stdin.Write(append(first, '\n'))
	return p, err
}

// follow reads what the process writes, until it is gone.
func (p *process) follow(stdout io.Reader) {
	defer close(p.exited)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		what, when, _ := strings.Cut(lines.Text(), " ")
		if nanos, err := strconv.ParseInt(when, 10, 64); err == nil {
			p.reached(moment(what), time.Unix(0, nanos))
		}
	}
	p.err = p.cmd.Wait()
}

// reached notes the first time of a moment.
func (p *process) reached(m moment, when time.Time) {
	select {
	case p.moments[m] <- when: // never, for a moment that is none
	default:
	}
}

// await waits for a moment and returns when it was.
func (p *process) await(ctx context.Context, m moment) (time.Time, error) {
	select {
	case when := <-p.moments[m]:
		return when, nil
	case <-p.exited:
		select {
		case when := <-p.moments[m]:
			return when, nil
		default:
			return time.Time{}, fmt.Errorf("%s ended too early: %w", p.name, p.outcome())
		}
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("%s is not %s: %w", p.name, m, context.Cause(ctx))
	}
}

// outcome says how the process ended. It may be called once exited is closed.
func (p *process) outcome() error {
	if text := strings.TrimSpace(p.stderr.String()); text != "" {
		return fmt.Errorf("%v: %s", p.err, text)
	}
	if p.err == nil {
		return errors.New("exit status 0")
	}
	return p.err
}

// leave asks the node to shut down gracefully.
func (p *process) leave() error {
	_, err := io.WriteString(p.stdin, leaveLine+"\n")
	return err
}

// kill ends the process without Deregister.
func (p *process) kill() error {
	p.reached(killed, time.Now())
	return p.cmd.Process.Kill()
}

// awaitExit waits for a process to end by itself, without an error.
func (p *process) awaitExit(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%s did not end well: %w", p.name, p.outcome())
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s has not ended: %w", p.name, context.Cause(ctx))
	}
}

// end ends the process if it still runs: gently, and then not.
func (p *process) end(ctx context.Context) {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
