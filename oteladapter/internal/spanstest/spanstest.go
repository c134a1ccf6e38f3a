// Package spanstest has what the tests of this module share.
package spanstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Record returns a provider that records spans, and the recorder.
func Record(t testing.TB) (*trace.TracerProvider, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	p := trace.NewTracerProvider(trace.WithSpanProcessor(r))
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	return p, r
}

// Text returns a span as lines: its name, kind, attributes, status, and its events with theirs.
func Text(s trace.ReadOnlySpan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) %s", s.Name(), s.SpanKind(), attributes(s.Attributes()))
	if st := s.Status(); st.Code != 0 {
		fmt.Fprintf(&b, " %s %q", st.Code, st.Description)
	}
	for _, e := range s.Events() {
		fmt.Fprintf(&b, "\n- %s %s", e.Name, attributes(e.Attributes))
	}
	return b.String()
}

func attributes(all []attribute.KeyValue) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, fmt.Sprint(a.Key, "=", a.Value.String()))
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

// Want fails where the spans that have ended, in the order of their ends, are not these.
func Want(t testing.TB, r *tracetest.SpanRecorder, want ...string) {
	t.Helper()
	var got []string
	for _, s := range r.Ended() {
		got = append(got, Text(s))
	}
	if g, w := strings.Join(got, "\n\n"), strings.Join(want, "\n\n"); g != w {
		t.Errorf("spans:\n%s\n\nwant:\n%s", g, w)
	}
	r.Reset()
}
