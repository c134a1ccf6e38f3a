package keys

import "testing"

func TestServiceMember(t *testing.T) {
	for _, tc := range []struct{ svc, version, want string }{
		{"orders", "1.2.0", "orders/1.2.0"},
		{"orders", "", "orders/"},
		{"a/b", "v/1", "a%2Fb/v%2F1"},
		{"a:b", "v@1", "a%3Ab/v%401"},
		{"größe", "*", "gr%C3%B6%C3%9Fe/%2A"},
	} {
		m := ServiceMember(tc.svc, tc.version)
		if m != tc.want {
			t.Errorf("ServiceMember(%q, %q) = %q, want %q", tc.svc, tc.version, m, tc.want)
		}
		if svc, version, err := ParseServiceMember(m); err != nil || svc != tc.svc || version != tc.version {
			t.Errorf("ParseServiceMember(%q) = %q, %q, %v", m, svc, version, err)
		}
	}
}

func TestParseServiceMemberRefuses(t *testing.T) {
	for _, m := range []string{"", "orders", "/1.0", "a/b/c", "a b/1", "a:b/1", "a/1@2", "a%2f/1", "a%/1", "a/%4", "%41/1"} {
		if svc, version, err := ParseServiceMember(m); err == nil {
			t.Errorf("ParseServiceMember(%q) = %q, %q, want an error", m, svc, version)
		}
	}
}

func TestNamespaceMember(t *testing.T) {
	for _, tc := range []struct{ ns, want, back string }{
		{"", "default", "default"},
		{"prod", "prod", "prod"},
		{"a/b:c", "a%2Fb%3Ac", "a/b:c"},
	} {
		m := NamespaceMember(tc.ns)
		if m != tc.want {
			t.Errorf("NamespaceMember(%q) = %q, want %q", tc.ns, m, tc.want)
		}
		if ns, err := ParseNamespaceMember(m); err != nil || ns != tc.back {
			t.Errorf("ParseNamespaceMember(%q) = %q, %v, want %q", m, ns, err, tc.back)
		}
	}
}

func TestParseNamespaceMemberRefuses(t *testing.T) {
	for _, m := range []string{"", "a/b", "a:b", "a@b", "{a}", "%2", "%zz", "%2f", "%61", "é"} {
		if ns, err := ParseNamespaceMember(m); err == nil {
			t.Errorf("ParseNamespaceMember(%q) = %q, want an error", m, ns)
		}
	}
}

// A field without a name is foreign: it is not the override of all nodes.
func TestOverrideField(t *testing.T) {
	for _, id := range []string{AllNodes, "a", "a b", "*"} {
		if got, err := ParseOverrideField(OverrideField(id)); err != nil || got != id {
			t.Errorf("%q comes back as %q, %v", id, got, err)
		}
	}
	for _, field := range []string{"", "a b", "%2A*"} {
		if got, err := ParseOverrideField(field); err == nil {
			t.Errorf("ParseOverrideField(%q) = %q, want a refusal", field, got)
		}
	}
}
