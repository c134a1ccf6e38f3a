package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// patience is how much longer than allowed the demo waits for what does not
// happen, so as to say how late it was.
const patience = 5 * time.Second

// A stage is where the script plays.
type stage struct {
	cfg      Config
	backend  *backend
	print    *printer
	observer *observer
	caller   *caller
	nodes    map[string]*process

	report report
	result error
}

// play plays the steps, prints the summary and sets the result.
func (s *stage) play(ctx context.Context, steps []step) error {
	for _, st := range steps {
		s.print.line("step", "%s", st.say)
		err := s.step(ctx, st)
		if err == nil {
			err = pause(ctx, st.then)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		s.report.tallies = s.caller.count()
		s.print.line("calls", "%s", s.report.calls())
	}
	s.print.summary(s.report)
	if problems := s.report.problems(); len(problems) > 0 {
		s.result = fmt.Errorf("%d things did not happen as they should", len(problems))
	}
	return nil
}

// step begins a change of each node, and waits until the client knows of all.
func (s *stage) step(ctx context.Context, st step) error {
	for _, node := range st.nodes {
		if err := st.do(s, node); err != nil {
			return err
		}
	}
	for _, node := range st.nodes {
		c := change{node: node, verb: st.verb, there: st.there, crash: st.from == killed, soon: st.soon}
		if err := s.measure(ctx, st.from, &c); err != nil {
			return err
		}
		s.report.changes = append(s.report.changes, c)
		s.print.line("known", "%s", c.text())
		if !st.ends {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, 2*patience)
		err := s.nodes[node].awaitExit(wait)
		cancel()
		if err != nil {
			return err
		}
		s.print.line("left", "%s ended by itself, %s after it was asked to leave", node, round(time.Since(c.made)))
	}
	return nil
}

// measure waits for a change to be made and to be known. That it never came to be
// known is no error here: the report says so.
func (s *stage) measure(ctx context.Context, from moment, c *change) (err error) {
	wait, cancel := context.WithTimeoutCause(ctx, 2*patience, errors.New("it has not come"))
	defer cancel()
	if c.made, err = s.nodes[c.node].await(wait, from); err != nil {
		return err
	}
	wait, cancel = context.WithTimeout(ctx, c.soon+patience)
	defer cancel()
	if at, err := s.observer.await(wait, c.node, c.there); err == nil {
		c.known = at
	}
	return ctx.Err()
}

func (s *stage) start(node string) error {
	p, err := launch(s.cfg.Node, nodeConfig{Name: node, Redis: s.backend.url, Prefix: s.backend.prefix})
	if p != nil {
		s.nodes[node] = p
		s.print.line("node", "%s is process %d", node, p.cmd.Process.Pid)
	}
	return err
}

func (s *stage) leave(node string) error { return s.nodes[node].leave() }

func (s *stage) kill(node string) error { return s.nodes[node].kill() }

// keep goes on, and shows what is called, until the context ends.
func (s *stage) keep(ctx context.Context) {
	s.print.line("keep", "goes on until Ctrl-C; kill or kill -9 a node's process, and watch the view")
	for pause(ctx, reportEvery) == nil {
		s.print.line("calls", "%s", report{tallies: s.caller.count()}.calls())
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
