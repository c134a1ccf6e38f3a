package keys

import (
	"errors"
	"fmt"
	"strings"
)

// ServiceMember returns a service's member of the zset Services: "svc/version",
// both percent-encoded. The version may be empty.
func ServiceMember(svc, version string) string {
	return EscapeName(svc) + "/" + EscapeName(version)
}

// ParseServiceMember undoes ServiceMember. It refuses what ServiceMember does
// not write, and a member that names no service.
func ParseServiceMember(m string) (svc, version string, err error) {
	s, v, ok := strings.Cut(m, "/")
	if !ok || s == "" {
		return "", "", fmt.Errorf("service member %q: want name/version", m)
	}
	if svc, err = unescapeName(s); err != nil {
		return "", "", fmt.Errorf("service member %q: %w", m, err)
	}
	if version, err = unescapeName(v); err != nil {
		return "", "", fmt.Errorf("service member %q: %w", m, err)
	}
	return svc, version, nil
}

// NamespaceMember returns a namespace's member of the zset Namespaces: its
// name, percent-encoded. An empty one is DefaultNamespace.
func NamespaceMember(ns string) string { return EscapeName(Namespace(ns)) }

// ParseNamespaceMember undoes NamespaceMember. It refuses what NamespaceMember
// does not write.
func ParseNamespaceMember(m string) (string, error) {
	if m == "" {
		return "", fmt.Errorf("namespace member %q: empty", m)
	}
	ns, err := unescapeName(m)
	if err != nil {
		return "", fmt.Errorf("namespace member %q: %w", m, err)
	}
	return ns, nil
}

// unescapeName undoes EscapeName and refuses what only an id may hold bare.
func unescapeName(s string) (string, error) {
	if i := strings.IndexAny(s, ":@"); i >= 0 {
		return "", fmt.Errorf("unescape %q: bare byte %q at %d", s, s[i], i)
	}
	return Unescape(s)
}

// everyNode is AllNodes in Redis. No id is escaped so.
const everyNode = "*"

// OverrideField names the field of Override for a node, or for AllNodes.
func OverrideField(id string) string {
	if id == AllNodes {
		return everyNode
	}
	return EscapeID(id)
}

// ParseOverrideField undoes OverrideField. It refuses other fields.
func ParseOverrideField(field string) (id string, err error) {
	if field == everyNode {
		return AllNodes, nil
	}
	if field == "" { // it is not AllNodes
		return "", errors.New("override field: empty")
	}
	return Unescape(field)
}
