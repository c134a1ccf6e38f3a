package oteladapter_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/trace"
	otrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spanstest"
	"github.com/rollcall-go/rollcall/registry"
)

// resolver returns one of nodes a, b and so on, at these addresses.
func resolver(t testing.TB, p otrace.TracerProvider, addresses ...string) *discovery.Resolver {
	s := &registry.Service{Name: "shop"}
	for i, a := range addresses {
		s.Nodes = append(s.Nodes, &registry.Node{ID: string(rune('a' + i)), Address: a})
	}
	opts := []discovery.Option{
		discovery.Logger(zerolog.Nop()), discovery.WithBalancer(discovery.RoundRobin()), discovery.Ejection(0, 0, 0),
	}
	if p != nil {
		opts = append(opts, discovery.Trace(oteladapter.Discovery(oteladapter.WithTracerProvider(p))))
	}
	r := discovery.New(discovery.Static(s), opts...)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

const called = "rollcall.namespace=default rollcall.service=shop service.peer.name=shop"

// try is an event of a node at 10.0.0.N.
func try(n *registry.Node, retry int, before, after string) string {
	return fmt.Sprintf("\n- rollcall try %srollcall.namespace=default rollcall.node=%s rollcall.outcome=%s rollcall.retry=%d "+
		"rollcall.service=shop server.address=%s server.port=80 service.peer.name=shop", before, n.ID, after, retry, n.Address[:len(n.Address)-3])
}

var errBroken = errors.New("broken")

func TestDo(t *testing.T) {
	provider, recorder := spanstest.Record(t)
	r := resolver(t, provider, "10.0.0.1:80", "10.0.0.2:80")
	var nodes []*registry.Node
	call := func(errs ...error) error {
		nodes = nil
		return r.Do(t.Context(), "shop", func(ctx context.Context, n *registry.Node) error {
			_, child := otrace.SpanFromContext(ctx).TracerProvider().Tracer("").Start(ctx, "child")
			child.End()
			nodes = append(nodes, n)
			return errs[len(nodes)-1]
		})
	}
	const child = "child (internal) "
	const failed = "error.type=error exception.message=broken "

	if err := call(errBroken, nil); err != nil {
		t.Fatal(err)
	}
	spans := recorder.Ended()
	if len(spans) == 3 && spans[0].Parent().SpanID() != spans[2].SpanContext().SpanID() {
		t.Error("the span of the call's own is not below that of the call")
	}
	spanstest.Want(t, recorder, child, child, "rollcall call (internal) "+called+try(nodes[0], 0, failed, "node")+try(nodes[1], 1, "", "ok"))

	err := call(errBroken, errBroken)
	spanstest.Want(t, recorder, child, child, `rollcall call (internal) error.type=error `+called+` Error "`+err.Error()+`"`+
		try(nodes[0], 0, failed, "node")+try(nodes[1], 1, failed, "node"))

	for outcome, err := range map[string]error{
		"answer":  discovery.Permanent(errBroken),
		"caller":  &discovery.CallError{Err: errBroken, Fault: discovery.FaultCaller},
		"neither": &discovery.CallError{Err: errBroken, Fault: discovery.FaultNeither},
	} {
		text := call(err, nil)
		status, end := "", ""
		if text != nil {
			status, end = "error.type=error ", ` Error "`+text.Error()+`"`
		}
		events := try(nodes[0], 0, failed, outcome)
		want := []string{child}
		if len(nodes) == 2 {
			events += try(nodes[1], 1, "", "ok")
			want = append(want, child)
		}
		spanstest.Want(t, recorder, append(want, "rollcall call (internal) "+status+called+end+events)...)
	}

	err = r.Do(t.Context(), "desk", func(context.Context, *registry.Node) error { return nil })
	spanstest.Want(t, recorder, `rollcall call (internal) error.type=not_found rollcall.namespace=default rollcall.service=desk service.peer.name=desk Error "`+err.Error()+`"`)
}

// A call inside of another one that is not recorded adds nothing to the outer one.
func TestACallInACall(t *testing.T) {
	provider, recorder := spanstest.Record(t)
	outer := resolver(t, provider, "10.0.0.1:80")
	inner := resolver(t, trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())), "10.0.0.2:80")
	var node *registry.Node
	err := outer.Do(t.Context(), "shop", func(ctx context.Context, n *registry.Node) error {
		node = n
		return inner.Do(ctx, "shop", func(context.Context, *registry.Node) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	spanstest.Want(t, recorder, "rollcall call (internal) "+called+try(node, 0, "", "ok"))
}

// Where nothing is recorded, a call makes a few small allocations: no attributes, no events.
func TestCostWhereNothingIsRecorded(t *testing.T) {
	allocs := func(p otrace.TracerProvider) float64 {
		r := resolver(t, p, "10.0.0.1:80")
		ctx := context.Background()
		return testing.AllocsPerRun(1000, func() {
			if err := r.Do(ctx, "shop", func(context.Context, *registry.Node) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	if n := allocs(nil); n != 0 {
		t.Errorf("without a Tracer: %v allocations, want 0", n)
	}
	sampled := allocs(trace.NewTracerProvider())
	for name, p := range map[string]otrace.TracerProvider{
		"no SDK":      noop.NewTracerProvider(),
		"not sampled": trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())),
	} {
		n := allocs(p)
		t.Logf("%s: %v allocations; sampled: %v", name, n, sampled)
		if n > sampled/2 {
			t.Errorf("%s: %v allocations, want half of %v at most", name, n, sampled)
		}
	}
}
