package keys

import (
	"fmt"
	"strings"
	"testing"
)

// match reports whether Redis would match a name with a pattern that holds no
// special byte but *.
func match(t testing.TB, pattern, name string) bool {
	t.Helper()
	if strings.ContainsAny(pattern, `?[]\^`) {
		t.Fatalf("pattern %q holds more than stars", pattern)
	}
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

func TestEventsPattern(t *testing.T) {
	for _, tc := range []struct {
		prefix, ns string
		db         int
		want       string
	}{
		{"", "", 0, "rollcall:{default/*}:events:0"},
		{"", "prod", 3, "rollcall:{prod/*}:events:3"},
		{"x:y", "a/b", 0, "x:y:{a%2Fb/*}:events:0"},
		{"", "*", 15, "rollcall:{*}:events:15"},
		{"", "**", 0, "rollcall:{%2A%2A/*}:events:0"},
		{"", "[a]?", 0, "rollcall:{%5Ba%5D%3F/*}:events:0"},
	} {
		if got := space(t, tc.prefix).EventsPattern(tc.ns, tc.db); got != tc.want {
			t.Errorf("prefix %q: EventsPattern(%q, %d) = %q, want %q", tc.prefix, tc.ns, tc.db, got, tc.want)
		}
	}
}

func TestKeysPattern(t *testing.T) {
	s := space(t, "x:y")
	for _, tc := range []struct{ pattern, want string }{
		{s.KeysPattern(""), "x:y:{default/*}:*"},
		{s.KeysPattern("a/b"), "x:y:{a%2Fb/*}:*"},
		{s.KeysPattern("*"), "x:y:{*}:*"},
		{s.Service("a", "*").KeysPattern(), "x:y:{a/%2A}:*"},
	} {
		if tc.pattern != tc.want {
			t.Errorf("got %s, want %s", tc.pattern, tc.want)
		}
	}
}

func TestNodesPattern(t *testing.T) {
	for _, tc := range []struct {
		prefix, ns string
		db         int
		want       string
	}{
		{"", "", 0, "__keyspace@0__:rollcall:{default/*}:node:*"},
		{"x:y", "a/b", 7, "__keyspace@7__:x:y:{a%2Fb/*}:node:*"},
		{"", "*", 0, "__keyspace@0__:rollcall:{%2A/*}:node:*"}, // a namespace of that name, not all
	} {
		if got := space(t, tc.prefix).NodesPattern(tc.ns, tc.db); got != tc.want {
			t.Errorf("prefix %q: NodesPattern(%q, %d) = %q, want %q", tc.prefix, tc.ns, tc.db, got, tc.want)
		}
	}
}

func TestParseEventsRefuses(t *testing.T) {
	for _, channel := range []string{
		"",
		"rollcall:{default/orders}:events:1", // of another database
		"rollcall:{default/orders}:events:00",
		"rollcall:{default/orders}:events:",
		"rollcall:{default/orders}:events",
		"rollcall:{default/orders}:index",
		"other:{default/orders}:events:0",
		"rollcall:default/orders:events:0",
		"rollcall:{default/}:events:0",
		"rollcall:{/orders}:events:0",
		"rollcall:{orders}:events:0",
		"rollcall:{default/a/b}:events:0",
		"rollcall:{default/a:b}:events:0",
		"rollcall:{default/%2f}:events:0",
		"rollcall:{default/a}:events:1}:events:0",
		"rollcall:{default/*}:events:0",
	} {
		if ns, svc, err := space(t, "").ParseEvents(channel, 0); err == nil {
			t.Errorf("ParseEvents(%q) = %q, %q, want an error", channel, ns, svc)
		}
	}
}

func TestParseNodeRefuses(t *testing.T) {
	for _, key := range []string{
		"",
		"rollcall:{default/orders}:index",
		"rollcall:{default/orders}:node",
		"other:{default/orders}:node:a",
		"rollcall:default/orders:node:a",
		"rollcall:{default/}:node:a",
		"rollcall:{/orders}:node:a",
		"rollcall:{orders}:node:a",
		"rollcall:{default/a/b}:node:a",
		"rollcall:{default/a:b}:node:a",
		"rollcall:{default/orders}:node:a b",
		"rollcall:{default/orders}:node:%2f",
		"rollcall:{default/orders}:node:%",
	} {
		if k, id, err := space(t, "").ParseNode(key); err == nil {
			t.Errorf("ParseNode(%q) = %v, %q, want an error", key, k, id)
		}
	}
}

// FuzzPatterns takes a node and checks that the patterns of its namespace, and
// no other's, match it, and that what they bring leads back to it.
func FuzzPatterns(f *testing.F) {
	for _, seed := range [][4]string{
		{"", "orders", "n1", "prod"},
		{"prod", "orders", "10.0.0.7:8080", "pro"},
		{"a", "b/c", "d", "a/b"},
		{"a}", "{b", "}:node:", "a"},
		{"*", "?", "*", "**"},
		{"x/y", "}:events:0", "%41", "x"},
		{"\x00", "\xff", "\n", "é"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], uint8(0))
	}
	f.Fuzz(func(t *testing.T, ns, svc, id, other string, number uint8) {
		s, db := space(t, "x:y"), int(number)
		k := s.Service(ns, svc)
		channel, key := k.Events(db), k.Node(id)
		if ns != "*" {
			here := s.EventsPattern(ns, db)
			if !match(t, here, channel) || match(t, here, k.Events(db+1)) {
				t.Errorf("%s: %s %v, database %d %v", here, channel, match(t, here, channel), db+1, match(t, here, k.Events(db+1)))
			}
		}
		if all := s.EventsPattern("*", db); !match(t, all, channel) {
			t.Errorf("%s does not match %s", all, channel)
		}
		for _, p := range []string{k.KeysPattern(), s.KeysPattern(ns), s.KeysPattern("*")} {
			if !match(t, p, key) || !match(t, p, k.Override()) {
				t.Errorf("%s does not match %s", p, key)
			}
		}
		keyspace := fmt.Sprintf("__keyspace@%d__:", db)
		if here := s.NodesPattern(ns, db); !match(t, here, keyspace+key) || match(t, here, keyspace+k.Index()) {
			t.Errorf("%s: %s %v, the index %v", here, key, match(t, here, keyspace+key), match(t, here, keyspace+k.Index()))
		}
		if Namespace(other) != Namespace(ns) && other != "*" {
			if p := s.EventsPattern(other, db); match(t, p, channel) {
				t.Errorf("%s matches %s", p, channel)
			}
			if p := s.KeysPattern(other); match(t, p, key) {
				t.Errorf("%s matches %s", p, key)
			}
			if p := s.NodesPattern(other, db); match(t, p, keyspace+key) {
				t.Errorf("%s matches %s", p, key)
			}
		}
		if svc == "" {
			return // such a name does not exist, and Parse refuses it
		}
		if n, v, err := s.ParseEvents(channel, db); err != nil || n != Namespace(ns) || v != svc {
			t.Errorf("ParseEvents(%q) = %q, %q, %v", channel, n, v, err)
		}
		if got, i, err := s.ParseNode(key); err != nil || got != k || i != id {
			t.Errorf("ParseNode(%q) = %v, %q, %v", key, got, i, err)
		}
	})
}

// FuzzParseKeys feeds what others may send: Parse never panics, and what it
// accepts is what this package writes.
func FuzzParseKeys(f *testing.F) {
	for _, s := range []string{"", "x:y:{a/b}:events:0", "x:y:{a/b}:node:c", "x:y:{}:node:", "x:y:{a/b}:node:}:node:", "x:y:{a/%}:events:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s := space(t, "x:y")
		if ns, svc, err := s.ParseEvents(name, 0); err == nil && s.Service(ns, svc).Events(0) != name {
			t.Errorf("ParseEvents(%q) = %q, %q", name, ns, svc)
		}
		if k, id, err := s.ParseNode(name); err == nil && k.Node(id) != name {
			t.Errorf("ParseNode(%q) = %v, %q", name, k, id)
		}
	})
}
