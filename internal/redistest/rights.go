package redistest

import (
	"os"
	"strings"
	"testing"
)

// Rights returns the ACL rules that a page of the docs gives to a user: those of
// its line "ACL SETUSER user reset rules...", which may go on behind a backslash.
func Rights(t testing.TB, page, user string) []string {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(read(t, page), "\\\n", "")) {
		if rules, ok := strings.CutPrefix(line, "ACL SETUSER "+user+" reset "); ok {
			return strings.Fields(rules)
		}
	}
	t.Fatalf("redistest: %s has no rights of the user %q", page, user)
	return nil
}

// MoreRights returns the ACL rules of a page's table "more rights | for", from the
// row for what.
func MoreRights(t testing.TB, page, what string) []string {
	t.Helper()
	_, table, _ := strings.Cut(read(t, page), "| more rights | for |")
	for line := range strings.Lines(table) {
		if rules, reason, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "| `"), "` | "); strings.HasPrefix(reason, what) {
			return strings.Fields(strings.ReplaceAll(rules, `\|`, "|"))
		}
	}
	t.Fatalf("redistest: %s has no more rights for %q", page, what)
	return nil
}

func read(t testing.TB, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return string(text)
}
