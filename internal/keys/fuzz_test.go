package keys

import (
	"fmt"
	"strings"
	"testing"
)

// hashTag returns the part of a key that decides its cluster slot, by Redis's
// rule: the text between the first { and the first } after it, if that is
// not empty, else the whole key.
func hashTag(key string) string {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if n := strings.IndexByte(key[open+1:], '}'); n > 0 {
			return key[open+1 : open+1+n]
		}
	}
	return key
}

// FuzzKeys takes the names of two nodes and checks that they share a key only
// where they share the names, and that no key leaves its slot or is a pattern.
func FuzzKeys(f *testing.F) {
	for _, seed := range [][6]string{
		{"", "orders", "n1", "default", "orders", "n1"},
		{"a", "b/c", "d", "a/b", "c", "d"},
		{"a", "b", "c:node:d", "a", "b:node:c", "d"},
		{"a}", "{b", "c", "a", "}:{b", "c"},
		{"%41", "%2F", "%", "A", "/", "%25"},
		{"*?[]\\^", "{}/:%", " ", "{}/%", "*?[]\\^", "*?[]\\^{}"},
		{"a", "b", "index", "a", "b}:index", ""},
		{"\x00", "\xff", "\n", "é", "日本", " "},
		{"A", "B", "C", "a", "b", "c"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	s := space(f, "")
	f.Fuzz(func(t *testing.T, ns1, svc1, id1, ns2, svc2, id2 string) {
		owners := map[string]string{}
		for _, n := range [][3]string{{ns1, svc1, id1}, {ns2, svc2, id2}} {
			ns, svc, id := Namespace(n[0]), n[1], n[2]
			k := s.Service(n[0], svc)
			service := fmt.Sprintf("%q/%q", ns, svc)
			tag := EscapeName(ns) + "/" + EscapeName(svc)
			for _, row := range []struct{ key, owner, tag string }{
				{s.Services(n[0]), fmt.Sprintf("services of %q", ns), EscapeName(ns)},
				{k.Node(id), fmt.Sprintf("node %q of %s", id, service), tag},
				{k.Index(), "index of " + service, tag},
				{k.Version(), "version of " + service, tag},
				{k.Log(), "log of " + service, tag},
				{k.Override(), "override of " + service, tag},
				{k.Events(0), "events of " + service, tag},
			} {
				if other, ok := owners[row.key]; ok && other != row.owner {
					t.Errorf("%s is the key of %s and of %s", row.key, other, row.owner)
				}
				owners[row.key] = row.owner
				if got := hashTag(row.key); got != row.tag {
					t.Errorf("%s: hash tag %q, want %q", row.key, got, row.tag)
				}
				if i := strings.IndexAny(row.key, "*?[]\\^ \x00\r\n"); i >= 0 {
					t.Errorf("%q holds %q", row.key, row.key[i])
				}
			}
		}
	})
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "orders", "10.0.0.7:8080", "a@b", "%", "%41", "%zz", "a/b", "{}", "\xff\x00", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, escaped := range []string{EscapeName(s), EscapeID(s)} {
			if got, err := Unescape(escaped); err != nil || got != s {
				t.Errorf("Unescape(%q) = %q, %v, want %q", escaped, got, err, s)
			}
		}
		if got, err := ParseNamespaceMember(NamespaceMember(s)); err != nil || got != Namespace(s) {
			t.Errorf("namespace %q came back as %q, %v", s, got, err)
		}
		if s != "" {
			if svc, v, err := ParseServiceMember(ServiceMember(s, s)); err != nil || svc != s || v != s {
				t.Errorf("service %q came back as %q, %q, %v", s, svc, v, err)
			}
		}
	})
}

// FuzzParse feeds what others may have written: it never panics, and what it
// accepts is what this package writes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "orders", "orders/1.0", "a/", "/1", "%", "%4", "%41", "%2f", "%2F", "a:b@c", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, err := Unescape(s); err == nil {
			if again, err := Unescape(EscapeName(name)); err != nil || again != name {
				t.Errorf("Unescape(%q) = %q, which comes back as %q, %v", s, name, again, err)
			}
		}
		if svc, v, err := ParseServiceMember(s); err == nil && ServiceMember(svc, v) != s {
			t.Errorf("ParseServiceMember(%q) = %q, %q, which is written %q", s, svc, v, ServiceMember(svc, v))
		}
		if ns, err := ParseNamespaceMember(s); err == nil && NamespaceMember(ns) != s {
			t.Errorf("ParseNamespaceMember(%q) = %q, which is written %q", s, ns, NamespaceMember(ns))
		}
	})
}
