package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A tracer notes what it is called for, and marks the contexts.
type tracer struct{ lines []string }

type marks struct{}

func (t *tracer) note(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

func (t *tracer) begin(ctx context.Context, what string) (context.Context, func(error)) {
	t.note("%s", what)
	before, _ := ctx.Value(marks{}).(string)
	return context.WithValue(ctx, marks{}, before+what+"; "), func(err error) { t.note("end %s: %v", strings.Fields(what)[0], err) }
}

func (t *tracer) Call(ctx context.Context, op, namespace, service string) (context.Context, func(error)) {
	return t.begin(ctx, fmt.Sprint(op, " ", namespace, "/", service))
}

func (t *tracer) Try(ctx context.Context, n *registry.Node, retry int) (context.Context, func(error)) {
	return t.begin(ctx, fmt.Sprint("try ", n.ID, " ", retry))
}

// traced returns a resolver of nodes whose balancer takes them in turn, and its tracer.
func traced(t *testing.T, addresses ...string) (*discovery.Resolver, *tracer) {
	t.Helper()
	s := &registry.Service{Name: "shop"}
	for i, a := range addresses {
		s.Nodes = append(s.Nodes, &registry.Node{ID: string(rune('a' + i)), Address: a})
	}
	tr := &tracer{}
	r := discovery.New(discovery.Static(s), discovery.Trace(tr), discovery.Retries(1))
	t.Cleanup(func() { _ = r.Close() })
	return r, tr
}

func (t *tracer) want(tb testing.TB, lines ...string) {
	tb.Helper()
	same(tb.(*testing.T), "trace", strings.Join(t.lines, "\n"), strings.Join(lines, "\n"))
	t.lines = nil
}

// A Tracer gets each call and each try, in order, with the error that the caller gets; the
// contexts of the tries are made from that of the call, and the call gets them.
func TestTraceOfDo(t *testing.T) {
	r, tr := traced(t, "10.0.0.1:80", "10.0.0.2:80")
	seen, ids := "", []string(nil)
	err := r.Do(t.Context(), "shop", func(ctx context.Context, n *registry.Node) error {
		seen, ids = ctx.Value(marks{}).(string), append(ids, n.ID)
		if len(ids) == 1 {
			return errBroken
		}
		return nil
	})
	wantErr(t, "Do", err)
	tr.want(t, "call default/shop", "try "+ids[0]+" 0", "end try: broken", "try "+ids[1]+" 1", "end try: <nil>", "end call: <nil>")
	same(t, "the marks of the last try", seen, "call default/shop; try "+ids[1]+" 1; ")

	answer := discovery.Permanent(errBroken)
	err = r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error { ids[0] = n.ID; return answer })
	same(t, "the answer", err, errBroken)
	tr.want(t, "call default/shop", "try "+ids[0]+" 0", "end try: broken", "end call: broken")

	err = r.Do(t.Context(), "shop", func(context.Context, *registry.Node) error { return nil }, discovery.Namespace("b"))
	wantErr(t, "without nodes", err, registry.ErrNotFound)
	tr.want(t, "call b/shop", "end call: "+err.Error())

	func() {
		defer func() { same[any](t, "the panic", recover(), "a mistake") }()
		_ = r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error { ids[0] = n.ID; panic("a mistake") })
	}()
	tr.want(t, "call default/shop", "try "+ids[0]+" 0", "end try: the call panicked", "end call: the call panicked")

	var none context.Context
	wantErr(t, "without a context", r.Do(none, "shop", func(context.Context, *registry.Node) error { return nil }), registry.ErrInvalid)
	tr.want(t)
}

func TestTraceOfTransportAndDial(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	r, tr := traced(t, server.Listener.Addr().String())
	seen := ""
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		seen = req.Context().Value(marks{}).(string)
		return http.DefaultTransport.RoundTrip(req)
	})
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	web := &http.Client{Transport: discovery.Transport(r, base)}
	resp, err := web.Get("http://shop/")
	if err != nil {
		t.Fatal(err)
	}
	tr.want(t, "call default/shop", "try a 0", "end try: <nil>", "end call: <nil>")
	_, _ = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	same(t, "the marks of the request", seen, "call default/shop; try a 0; ")

	conn, err := r.DialContext(t.Context(), "tcp", "shop:80")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	tr.want(t, "dial default/shop", "try a 0", "end try: <nil>", "end dial: <nil>")

	server.Close()
	_, err = r.DialContext(t.Context(), "tcp", "shop")
	var op *registry.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		t.Fatal(err)
	}
	same(t, "the end", tr.lines[len(tr.lines)-1], "end dial: "+err.Error())
}
