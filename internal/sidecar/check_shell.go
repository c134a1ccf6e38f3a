package sidecar

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// shellCheck runs a shell command. One that takes too long is killed, with all that it
// has started.
func shellCheck(words string) Check {
	return func(ctx context.Context) error {
		p := &process{cmd: shell(words)}
		out := &firstLine{}
		p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = out, out, pipesOpen
		ownGroup(p.cmd)
		if err := p.cmd.Start(); err != nil {
			return fmt.Errorf("start the check: %w", err)
		}
		stop := context.AfterFunc(ctx, p.killGroup)
		defer stop()
		err := p.cmd.Wait()
		switch {
		case err == nil || err == exec.ErrWaitDelay && p.cmd.ProcessState.Success():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		return out.explain(err)
	}
}

// maxLine is how much of the output of a check its error quotes.
const maxLine = 200

// A firstLine keeps the beginning of what a check writes.
type firstLine struct {
	mu   sync.Mutex
	text []byte
}

func (l *firstLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p[:min(len(p), maxLine-len(l.text))]...)
	return len(p), nil
}

// explain adds the first line of the output to an error.
func (l *firstLine) explain(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(string(l.text)), "\n")
	if line == "" {
		return err
	}
	return fmt.Errorf("%w: %q", err, line)
}
