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

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/views"
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
// With a HashKey the second node is the same one each time; else it is the better of two drawn
// at random. If the Zone or the Subset has no other node, Do takes one from outside of it. If
// call returns the error of a dial, Do assumes that the node has received nothing. So a call
// that sends something and then dials again has to return a *CallError for that second dial.
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
	if r.o.tracer == nil { // a first try that succeeds makes no job, which would be an allocation
		p, err := r.begin(ctx, "call", service, opts)
		if err != nil {
			return err
		}
		if err = p.do(ctx, call); err == nil {
			return nil
		}
		return r.again(ctx, callJob(service, opts, call), p, err)
	}
	return r.try(ctx, callJob(service, opts, call))
}

// callJob is the job of Do.
func callJob(service string, opts []PickOption, call func(context.Context, *registry.Node) error) job {
	return job{"call", service, opts, func(ctx context.Context, p Picked) error { return p.do(ctx, call) }}
}

// do calls the node, and Done in any case.
func (p Picked) do(ctx context.Context, call func(context.Context, *registry.Node) error) (err error) {
	err = context.Canceled // if call panics
	defer func() { p.end(ctx, err) }()
	return call(ctx, p.Node())
}

// end calls Done with the error of a call under a context.
func (p Picked) end(ctx context.Context, err error) {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = context.Canceled // err may be its cause
	}
	p.Done(err)
}

// A job is a call that may take several tries.
type job struct {
	op      string // for errors
	service string
	opts    []PickOption
	try     func(context.Context, Picked) error // calls Done
}

// The pauses between tries: short, because the next one goes to another node.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// try does a job.
func (r *Resolver) try(ctx context.Context, j job) error {
	if r.o.tracer != nil && ctx != nil {
		return r.traced(ctx, j)
	}
	return r.untraced(ctx, j)
}

func (r *Resolver) untraced(ctx context.Context, j job) error {
	p, err := r.begin(ctx, j.op, j.service, j.opts)
	if err != nil {
		return err
	}
	return r.again(ctx, j, p, j.try(ctx, p))
}

// begin picks the node for the first try. If ctx is over already, it picks none.
func (r *Resolver) begin(ctx context.Context, op, service string, opts []PickOption) (Picked, error) {
	if ctx == nil {
		return Picked{}, r.failure(op, ask(opts).namespace, service, views.ErrNoContext)
	}
	if err := ctx.Err(); err != nil {
		return Picked{}, r.failure(op, ask(opts).namespace, service, err)
	}
	p, err := r.Pick(ctx, service, opts...)
	if err == nil {
		r.budget.Call()
	}
	return p, err
}

// again goes on with a job after its first try, which returned err.
func (r *Resolver) again(ctx context.Context, j job, p Picked, err error) error {
	q := ask(j.opts)
	var failed failures
	var pause backoff.BackOff
	for {
		if err == nil {
			return nil
		}
		c := Classify(err)
		if c.Fault == NoFault {
			return c.Err
		}
		failed = append(failed, failedTry{p.call.Member, c.Err})
		end := func(why error) error { return failed.error(j.op, r.namespace(q.namespace), j.service, why) }
		if ctx.Err() != nil || !c.elsewhere(q.once) || len(failed) > r.o.retries {
			return end(ctx.Err())
		}
		s, m := r.other(ctx, j.service, &q, failed)
		if m == nil {
			return end(errNoOther)
		}
		if !r.budget.Take(balance.Now()) {
			s.Denied.Add(1)
			return end(errNoBudget)
		}
		if pause == nil {
			pause = backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstPause),
				backoff.WithMaxInterval(maxPause), backoff.WithMaxElapsedTime(0))
		}
		if actor.NewWake().Until(ctx, time.Now().Add(pause.NextBackOff())); ctx.Err() != nil {
			return end(ctx.Err())
		}
		s.Retries.Add(1)
		p = Picked{s.BeginDirect(m, r.tracking(&q))}
		err = j.try(ctx, p)
	}
}

var (
	errNoOther  = errors.New("no other node to try")
	errNoBudget = errors.New("not tried again: the retry budget is spent")
)

// other finds a node that has not failed yet, if there is one.
func (r *Resolver) other(ctx context.Context, name string, q *question, failed failures) (*views.Service, *views.Member) {
	s, t, err := r.table(ctx, name, q)
	if err != nil {
		return nil, nil
	}
	set := q.set(t)
	rest := slices.DeleteFunc(slices.Clone(set.Members), failed.has)
	if len(rest) == 0 {
		rest = slices.DeleteFunc(slices.Clone(set.View.Members), func(m *views.Member) bool {
			return failed.has(m) || m.Withdrawn() || m.Ejected()
		})
	}
	if len(rest) == 0 {
		return nil, nil
	}
	if q.key == 0 {
		return s, views.PickOf(rest, balance.P2C{})
	}
	return s, slices.MaxFunc(rest, func(a, b *views.Member) int { return cmp.Compare(score(a, q.key), score(b, q.key)) })
}

// score says how well a key goes with a node: the same in every process.
func score(m *views.Member, key uint64) uint64 {
	d := xxhash.NewWithSeed(key)
	_, _ = d.WriteString(m.ID)
	return d.Sum64()
}

// failures are the tries of a call so far.
type failures []failedTry

type failedTry struct {
	m   *views.Member
	err error
}

func (f failures) has(m *views.Member) bool {
	return slices.ContainsFunc(f, func(t failedTry) bool { return t.m.Same(m) })
}

// error returns the last failure, followed by the earlier ones and by why there was no other
// try.
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
	return &registry.OpError{Op: op, Namespace: namespace, Service: service, Node: last.m.ID, Err: errdefs.OneLine(err)}
}
