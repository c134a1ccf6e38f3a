package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// ask runs rollcall with a command that prints the place in force.
func ask(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	a := New("test")
	a.Add(&cobra.Command{Use: "where", RunE: func(cmd *cobra.Command, _ []string) error {
		p, err := a.where(cmd)
		if err == nil {
			fmt.Fprint(cmd.OutOrStdout(), p.Redis, " ", p.Namespace, " ", p.Prefix)
		}
		return err
	}})
	var stdout, stderr bytes.Buffer
	code = a.Run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// settings gives a test its own file of contexts, with the contexts one, which is the
// current one, and two.
func settings(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	for _, args := range [][]string{
		{"context", "add", "one", "--redis", "one:1", "--namespace", "ns1", "--prefix", "p1"},
		{"context", "add", "two", "--redis", "two:2", "--namespace", "ns2"},
	} {
		if code, _, errs := ask(t, args...); code != 0 {
			t.Fatal(errs)
		}
	}
}

func TestWhichPlace(t *testing.T) {
	settings(t)
	for _, tc := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"", nil, "one:1 ns1 p1"},
		{"--context two", nil, "two:2 ns2 "},
		{"--namespace other", nil, "one:1 other p1"},
		{"--redis three:3", nil, "three:3  "},
		{"", map[string]string{"ROLLCALL_REDIS_URL": "env:4", "ROLLCALL_NAMESPACE": "env"}, "env:4 env "},
		{"", map[string]string{"ROLLCALL_CONTEXT": "two"}, "two:2 ns2 "},
		{"", map[string]string{"ROLLCALL_CONTEXT": "two", "ROLLCALL_REDIS_URL": "env:4"}, "env:4  "},
		{"--context two", map[string]string{"ROLLCALL_REDIS_URL": "env:4"}, "two:2 ns2 "},
		{"--redis three:3", map[string]string{"ROLLCALL_CONTEXT": "two"}, "three:3  "},
		{"", map[string]string{"ROLLCALL_PREFIX": "env"}, "one:1 ns1 env"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			code, out, errs := ask(t, append([]string{"where"}, strings.Fields(tc.args)...)...)
			if code != 0 || out+errs != tc.want {
				t.Errorf("%q with %v: %d, %q %q, want %q", tc.args, tc.env, code, out, errs, tc.want)
			}
		})
	}
}

// The more explicit user and password count: those of the command line, then those that come
// with the place, then those of the environment.
func TestWhichLogin(t *testing.T) {
	settings(t)
	if code, _, errs := ask(t, "context", "add", "own", "--redis", "own:1", "--username", "u", "--password", "own"); code != 0 {
		t.Fatal(errs)
	}
	env := map[string]string{"ROLLCALL_USERNAME": "eve", "ROLLCALL_PASSWORD": "env"}
	for _, tc := range []struct {
		args string
		env  map[string]string
		want string // user, password, and where they are from
	}{
		{"--redis one:1", nil, "||"},
		{"--redis one:1", env, "eve|env|$ROLLCALL_PASSWORD"},
		{"--redis redis://one:1", env, "eve|env|$ROLLCALL_PASSWORD"},
		{"--redis redis://:url@one:1", env, "||--redis"},
		{"--redis redis://bob:url@one:1", env, "||--redis"},
		{"--redis redis://bob@one:1", env, "|env|$ROLLCALL_PASSWORD"},
		{"--redis redis://bob:url@one:1 --password mine", env, "|mine|--password"},
		{"--redis redis://bob:url@one:1 --username carl", nil, "carl||--username"},
		{"", map[string]string{"ROLLCALL_REDIS_URL": "redis://:url@one:1", "ROLLCALL_PASSWORD": "env"}, "||$ROLLCALL_REDIS_URL"},
		{"--context one", env, "eve|env|$ROLLCALL_PASSWORD"},
		{"--context own", env, "u|own|the context own"},
		{"--context own --password mine", env, "u|mine|--password"},
	} {
		for name, value := range map[string]string{"ROLLCALL_USERNAME": "", "ROLLCALL_PASSWORD": "", "ROLLCALL_REDIS_URL": ""} {
			t.Setenv(name, value)
		}
		for name, value := range tc.env {
			t.Setenv(name, value)
		}
		a := New("test")
		got := ""
		a.Add(&cobra.Command{Use: "where", RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.where(cmd)
			got = p.Username + "|" + p.Password + "|" + p.loginFrom
			return err
		}})
		var errs bytes.Buffer
		if code := a.Run(t.Context(), append([]string{"where"}, strings.Fields(tc.args)...), &errs, &errs); code != 0 || got != tc.want {
			t.Errorf("%q with %v: %d, %q, want %q\n%s", tc.args, tc.env, code, got, tc.want, &errs)
		}
	}
}

func TestContextsAreForTheirOwnerOnly(t *testing.T) {
	settings(t)
	path := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "rollcall", "contexts.yaml")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if diff := cmp.Diff([]string{path}, files); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestABrokenFileOfContexts(t *testing.T) {
	settings(t)
	path := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "rollcall", "contexts.yaml")
	for _, text := range []string{"[1, 2", "contexts: 7", "contexts:\n  one: {reddis: x}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := ask(t, "where"); code != ExitUsage || !strings.Contains(errs, path) {
			t.Errorf("%q: %d, %s", text, code, errs)
		}
	}
}
