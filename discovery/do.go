package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/cespare/xxhash/v2"

	"github.com/rollcall-go/rollcall/registry"
)

// DefaultRetries is the default of Retries.
const DefaultRetries = 2

// Retries sets how often Do, Transport and DialContext try a failed call again, each time on
// another node and within the RetryBudget. 0 means never. Default: DefaultRetries.
func Retries(n int) Option { return func(o *options) { o.retries = n } }

// Do picks a node, calls it, and reports the result by Done. If the call fails, Do tries a
// node that it has not tried yet, after a short pause, as often as Retries and the
// RetryBudget allow. So call must be safe to make twice; for calls that are not, there is
// Once. Classify says which errors are tried again, and which count against the node.
//
// With a HashKey the next node is always the same one; else it is the better of two drawn at
// random. If the Zone or the Subset has no other node, it is one of the others. If call
// returns an error of a dial, Do takes it that the node has received nothing. So a call that
// dials twice, and sends something in between, returns a *CallError for the second dial.
//
// Do returns nil at the first success. It ends when ctx ends, when no other node is left, or
// with an error that Permanent marks, which it returns as it is. Other failures are a
// *registry.OpError, which names the node that failed last, unwraps to its error, and lists
// the earlier ones in its text. If no node could be picked, the error is that of Pick. If ctx
// was over before, it is that of ctx.
//
// If call panics, that does not count against the node, and the panic goes on.
func (r *Resolver) Do(
	ctx context.Context, service string, call func(context.Context, *registry.Node) error, opts ...PickOption,
) error {
	if call == nil {
		return r.failure("call", ask(opts).namespace, service, invalid("call: nil"))
	}
	p, err := r.begin(ctx, "call", service, opts)
	if err != nil {
		return err
	}
	if err = p.call(ctx, call); err == nil {
		return nil
	}
	return r.again(ctx, job{"call", service, opts, func(p Picked) error { return p.call(ctx, call) }}, p, err)
}

// call calls the node and tells Done, come what may.
func (p Picked) call(ctx context.Context, call func(context.Context, *registry.Node) error) (err error) {
	err = context.Canceled // stays in a panic
	defer func() { p.end(ctx, err) }()
	return call(ctx, p.Node())
}

// end tells Done how a call under a context went.
func (p Picked) end(ctx context.Context, err error) {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = context.Canceled // which may have shown by its cause
	}
	p.Done(err)
}

// A job is a call that may take several tries.
type job struct {
	op      string // for errors
	service string
	opts    []PickOption
	try     func(Picked) error // sees to Done
}

// The pauses between tries: short, because the next one goes to another node.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// try does a job.
func (r *Resolver) try(ctx context.Context, j job) error {
	p, err := r.begin(ctx, j.op, j.service, j.opts)
	if err != nil {
		return err
	}
	return r.again(ctx, j, p, j.try(p))
}

// begin picks the node for the first try. A call that comes too late is not made at
// all, and so no node is blamed for it.
func (r *Resolver) begin(ctx context.Context, op, service string, opts []PickOption) (Picked, error) {
	if ctx == nil {
		return Picked{}, r.failure(op, ask(opts).namespace, service, errNoContext)
	}
	if err := ctx.Err(); err != nil {
		return Picked{}, r.failure(op, ask(opts).namespace, service, err)
	}
	p, err := r.Pick(ctx, service, opts...)
	if err == nil {
		r.budget.calls.Add(1)
	}
	return p, err
}

// again goes on with a job after its first try, which came to err.
func (r *Resolver) again(ctx context.Context, j job, p Picked, err error) error {
	q := ask(j.opts)
	var failed failures
	var pause backoff.BackOff
	for {
		if err == nil {
			return nil
		}
		c := Classify(err)
		if c.Fault == FaultNone {
			return c.Err
		}
		failed = append(failed, failedTry{p.m, c.Err})
		end := func(why error) error { return failed.error(j.op, r.namespace(q.namespace), j.service, why) }
		if ctx.Err() != nil || !c.elsewhere(q.once) || len(failed) > r.o.retries {
			return end(ctx.Err())
		}
		s, m := r.other(ctx, j.service, &q, failed)
		if m == nil {
			return end(errNoOther)
		}
		if !r.budget.take(now()) {
			return end(errNoBudget)
		}
		if pause == nil {
			pause = backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstPause),
				backoff.WithMaxInterval(maxPause), backoff.WithMaxElapsedTime(0))
		}
		if wait(ctx, pause.NextBackOff()); ctx.Err() != nil {
			return end(ctx.Err())
		}
		p = r.direct(s, m, &q)
		err = j.try(p)
	}
}

var (
	errNoOther  = errors.New("no other node to try")
	errNoBudget = errors.New("not tried again: the retry budget is spent")
)

// other finds a node that has not failed yet, if there is one.
func (r *Resolver) other(ctx context.Context, name string, q *question, failed failures) (*service, *member) {
	s, t, err := r.table(ctx, name, q)
	if err != nil {
		return nil, nil
	}
	set := t.set(q)
	rest := slices.DeleteFunc(slices.Clone(set.members), failed.has)
	if len(rest) == 0 {
		rest = slices.DeleteFunc(slices.Clone(set.view.members), func(m *member) bool {
			return failed.has(m) || m.withdrawn() || m.state.health.ejected()
		})
	}
	if len(rest) == 0 {
		return nil, nil
	}
	if q.key == 0 {
		return s, P2C().picker(rest).pick(0)
	}
	return s, slices.MaxFunc(rest, func(a, b *member) int { return cmp.Compare(score(a, q.key), score(b, q.key)) })
}

// score is how well a key goes with a node, in every process alike.
func score(m *member, key uint64) uint64 {
	d := xxhash.NewWithSeed(key)
	_, _ = d.WriteString(m.ID)
	return d.Sum64()
}

// failures are the tries of a call so far.
type failures []failedTry

type failedTry struct {
	m   *member
	err error
}

func (f failures) has(m *member) bool {
	return slices.ContainsFunc(f, func(t failedTry) bool { return t.m.state == m.state })
}

// error is the last failure, with the earlier ones and why there was no other try
// behind it.
func (f failures) error(op, namespace, service string, why error) error {
	last := f[len(f)-1]
	err := last.err
	if len(f) > 1 {
		earlier := make([]string, len(f)-1)
		for i, t := range f[:len(f)-1] {
			earlier[i] = fmt.Sprint(t.m.ID, ": ", t.err)
		}
		err = fmt.Errorf("%w; before that %s", err, strings.Join(earlier, "; "))
	}
	if why != nil && !errors.Is(err, why) {
		err = fmt.Errorf("%w; %w", err, why)
	}
	return &registry.OpError{Op: op, Namespace: namespace, Service: service, Node: last.m.ID, Err: inLine(err)}
}
