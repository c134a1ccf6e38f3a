package see

import (
	"context"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A change is a change of a node, as it is printed.
type change struct {
	Change   string    `json:"change"` // create, update or delete
	Time     time.Time `json:"time"`
	Revision uint64    `json:"revision"`
	History  string    `json:"history"`
	node
}

// Changes that come within quiet of one another are handled together, at most maxBatch of
// them and for no longer than maxWait.
const (
	quiet    = 20 * time.Millisecond
	maxWait  = 250 * time.Millisecond
	maxBatch = 1000
)

// follow calls f with the changes of the nodes in a scope, the first of which are the nodes
// that are there, until f fails or the context of the command ends. A node that loses a
// label of the scope counts as deleted.
func (s *scope) follow(app *cli.App, cmd *cobra.Command, f func([]change) error) error {
	r, err := app.Open(cmd, registry.Logger(logger(cmd)))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close(context.WithoutCancel(cmd.Context())) }() // it registered nothing
	var opts []registry.WatchOption
	if s.service != "" {
		opts = append(opts, registry.WatchService(s.service))
	}
	if s.all {
		opts = append(opts, registry.WatchNamespace("*"))
	}
	w, err := r.Watch(cmd.Context(), opts...)
	if err != nil {
		return err
	}
	return batches(w, s.selector(), f)
}

// logger prints the warnings of a registry for people: that Redis is away, and is back.
func logger(cmd *cobra.Command) zerolog.Logger {
	return zerolog.New(zerolog.ConsoleWriter{Out: cmd.ErrOrStderr(), NoColor: true, TimeFormat: time.TimeOnly}).
		Level(zerolog.WarnLevel).With().Timestamp().Logger()
}

// selector returns a function that makes a change of a result, or reports that it is none
// within the scope.
func (s *scope) selector() func(*registry.Result) (change, bool) {
	in := map[[3]string]bool{}
	return func(r *registry.Result) (change, bool) {
		n := newNode(r.Service.Namespace, r.Service.Name, r.Service.Version, r.Service.Nodes[0])
		c := change{r.Action.String(), r.Timestamp.UTC(), r.Revision, r.History, n}
		if len(s.labels) == 0 {
			return c, true
		}
		was, is := in[n.key()], r.Action != registry.Delete && s.labels.Match(n.Metadata)
		switch {
		case !was && !is:
			return c, false
		case was && !is:
			delete(in, n.key())
			c.Change = registry.Delete.String()
		case is && !was:
			in[n.key()] = true
			c.Change = registry.Create.String()
		}
		return c, true
	}
}

// batches reads a watcher, and stops it at the end.
func batches(w registry.Watcher, selected func(*registry.Result) (change, bool), f func([]change) error) error {
	results, done := make(chan *registry.Result), make(chan struct{})
	var end error // of the watcher; set before results is closed
	go func() {
		defer close(results)
		for {
			r, err := w.Next()
			if err != nil {
				end = err
				return
			}
			select {
			case results <- r:
			case <-done:
				return
			}
		}
	}()
	defer func() {
		close(done)
		w.Stop()
		for range results { // until the reader has ended
		}
	}()
	for {
		batch, open := nextBatch(results, selected)
		if len(batch) > 0 {
			if err := f(batch); err != nil {
				return err
			}
		}
		if !open {
			return end
		}
	}
}

// nextBatch waits for a result, and takes those that follow it closely.
func nextBatch(results <-chan *registry.Result, selected func(*registry.Result) (change, bool)) (batch []change, open bool) {
	r, open := <-results
	latest := time.After(maxWait)
	for open {
		if c, ok := selected(r); ok {
			batch = append(batch, c)
		}
		if len(batch) == maxBatch {
			return batch, true
		}
		select {
		case r, open = <-results:
		case <-time.After(quiet):
			return batch, true
		case <-latest:
			return batch, true
		}
	}
	return batch, false
}

// actionStyle colours what happened.
func actionStyle(action string) cli.Style {
	switch action {
	case registry.Create.String():
		return cli.Good
	case registry.Delete.String():
		return cli.Bad
	}
	return cli.Plain
}
