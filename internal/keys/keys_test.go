package keys

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// space returns the space of a prefix that must be good.
func space(t testing.TB, prefix string) Space {
	t.Helper()
	s, err := New(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNew(t *testing.T) {
	for _, tc := range []struct{ prefix, want, fault string }{
		{prefix: "", want: "rollcall"},
		{prefix: "rollcall", want: "rollcall"},
		{prefix: "Team-7:eu.west_1", want: "Team-7:eu.west_1"},
		{prefix: "a{b", fault: `'{'`},
		{prefix: "a}b", fault: `'}'`},
		{prefix: "a*", fault: `'*'`},
		{prefix: "a/b", fault: `'/'`},
		{prefix: "a%20b", fault: `'%'`},
		{prefix: "a b", fault: `' '`},
		{prefix: "a\n", fault: `'\n'`},
		{prefix: "é", fault: `at 0`},
	} {
		s, err := New(tc.prefix)
		switch {
		case tc.fault == "" && err != nil:
			t.Errorf("New(%q): %v", tc.prefix, err)
		case tc.fault != "" && (err == nil || !strings.Contains(err.Error(), tc.fault)):
			t.Errorf("New(%q): error %v, want one with %s", tc.prefix, err, tc.fault)
		case s.Prefix() != tc.want:
			t.Errorf("New(%q).Prefix() = %q, want %q", tc.prefix, s.Prefix(), tc.want)
		}
	}
}

// keyTable runs one key builder over its table.
func keyTable(t *testing.T, build func(s Space, ns, svc string) string, rows [][4]string) {
	t.Helper()
	for _, r := range rows {
		if got := build(space(t, r[0]), r[1], r[2]); got != r[3] {
			t.Errorf("prefix %q, ns %q, svc %q: %q, want %q", r[0], r[1], r[2], got, r[3])
		}
	}
}

func TestNamespaces(t *testing.T) {
	keyTable(t, func(s Space, _, _ string) string { return s.Namespaces() }, [][4]string{
		{"", "", "", "rollcall:namespaces"},
		{"a:b", "", "", "a:b:namespaces"},
	})
}

func TestServices(t *testing.T) {
	keyTable(t, func(s Space, ns, _ string) string { return s.Services(ns) }, [][4]string{
		{"", "", "", "rollcall:{default}:services"},
		{"", "prod", "", "rollcall:{prod}:services"},
		{"x", "a/b", "", "x:{a%2Fb}:services"},
		{"", "*", "", "rollcall:{%2A}:services"},
	})
}

func TestIndex(t *testing.T) {
	keyTable(t, func(s Space, ns, svc string) string { return s.Service(ns, svc).Index() }, [][4]string{
		{"", "", "orders", "rollcall:{default/orders}:index"},
		{"", "prod", "orders", "rollcall:{prod/orders}:index"},
		{"x", "a/b", "c/d", "x:{a%2Fb/c%2Fd}:index"},
		{"", "a}", "{b", "rollcall:{a%7D/%7Bb}:index"},
		{"", "prod", "", "rollcall:{prod/}:index"},
		{"", "größe", "日", "rollcall:{gr%C3%B6%C3%9Fe/%E6%97%A5}:index"},
		{"", "a:b", "c@d", "rollcall:{a%3Ab/c%40d}:index"},
	})
}

func TestVersion(t *testing.T) {
	keyTable(t, func(s Space, ns, svc string) string { return s.Service(ns, svc).Version() }, [][4]string{
		{"", "", "orders", "rollcall:{default/orders}:version"},
		{"x", "a b", "c*", "x:{a%20b/c%2A}:version"},
	})
}

func TestLog(t *testing.T) {
	keyTable(t, func(s Space, ns, svc string) string { return s.Service(ns, svc).Log() }, [][4]string{
		{"", "", "orders", "rollcall:{default/orders}:log"},
		{"x", "a%", "%41", "x:{a%25/%2541}:log"},
	})
}

func TestOverride(t *testing.T) {
	keyTable(t, func(s Space, ns, svc string) string { return s.Service(ns, svc).Override() }, [][4]string{
		{"", "", "orders", "rollcall:{default/orders}:override"},
		{"x", "a\x00", "\xff", "x:{a%00/%FF}:override"},
	})
}

func TestNode(t *testing.T) {
	for _, tc := range []struct{ id, want string }{
		{"n1", "rollcall:{default/orders}:node:n1"},
		{"10.0.0.7:8080", "rollcall:{default/orders}:node:10.0.0.7:8080"},
		{"[::1]:8080", "rollcall:{default/orders}:node:%5B::1%5D:8080"},
		{"pod-3@eu", "rollcall:{default/orders}:node:pod-3@eu"},
		{"a b\n", "rollcall:{default/orders}:node:a%20b%0A"},
		{"", "rollcall:{default/orders}:node:"},
	} {
		if got := space(t, "").Service("", "orders").Node(tc.id); got != tc.want {
			t.Errorf("Node(%q) = %q, want %q", tc.id, got, tc.want)
		}
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		db   int
		want string
	}{
		{0, "rollcall:{prod/orders}:events:0"},
		{15, "rollcall:{prod/orders}:events:15"},
	} {
		if got := space(t, "").Service("prod", "orders").Events(tc.db); got != tc.want {
			t.Errorf("Events(%d) = %q, want %q", tc.db, got, tc.want)
		}
	}
}

func TestServiceIsComparable(t *testing.T) {
	s := space(t, "")
	if s.Service("", "a") != s.Service(DefaultNamespace, "a") {
		t.Error("an empty namespace and the default one differ")
	}
	if s.Service("", "a") == s.Service("", "b") || s.Service("x", "a") == space(t, "y").Service("x", "a") {
		t.Error("two services are equal")
	}
}
