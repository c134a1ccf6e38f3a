package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/registry"
)

func TestExitCodes(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(Signal{15})
	for _, tc := range []struct {
		name string
		args string
		err  error // of the command
		code int
		say  string
	}{
		{"done", "act", nil, ExitDone, ""},
		{"failed", "act", errors.New("no luck"), ExitFailed, "rollcall: no luck\n"},
		{"usage of its own", "act", Usagef("not so"), ExitUsage, "rollcall: not so\n"},
		{"own code", "act", &ExitError{Code: 7}, 7, ""},
		{"own code and text", "act", &ExitError{Code: 7, Err: errors.New("seven")}, 7, "rollcall: seven\n"},
		{"unknown flag", "act --nope", nil, ExitUsage, "there is no flag --nope\nusage: rollcall act [flags]\nexample: rollcall act now\nhint: rollcall act --help"},
		{"unknown command", "atc", nil, ExitUsage, "there is no command rollcall atc; did you mean act?"},
		{"argument", "act one", nil, ExitUsage, "rollcall act takes no argument, not 1 argument\nusage: "},
		{"no permission", "act", registry.ErrPermission, ExitRefused, "rollcall acl"},
		{"signal", "act", context.Canceled, 143, "rollcall: interrupted\n"},
		{"hostile", "act", errors.New("a \x1b[2J name"), ExitFailed, `a \x1b[2J name`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := New("test")
			a.Add(&cobra.Command{Use: "act", Example: "  rollcall act now\n  rollcall act later", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return tc.err }})
			var stdout, stderr bytes.Buffer
			ctx := t.Context()
			if errors.Is(tc.err, context.Canceled) {
				ctx = ended
			}
			code := a.Run(ctx, strings.Fields(tc.args), &stdout, &stderr)
			if code != tc.code || !strings.Contains(stderr.String(), tc.say) || tc.say == "" && stderr.Len() > 0 {
				t.Errorf("exit code %d, want %d; standard error %q, want %q", code, tc.code, &stderr, tc.say)
			}
		})
	}
}

// The errors are those that a registry returns.
func TestExitCodesOfARegistry(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for args, want := range map[string]int{
		"--redis 127.0.0.1:1 --timeout 300ms": ExitUnavailable,
		"--redis nonsense://x":                ExitUsage,
		"--namespace *":                       ExitUsage,
		"--redis 127.0.0.1:1 --context x":     ExitUsage,
		"--context x":                         ExitUsage,
	} {
		a := New("test")
		a.Add(&cobra.Command{Use: "act", RunE: a.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
			_, err := r.GetService(cmd.Context(), "shop")
			return err
		})})
		var stderr bytes.Buffer
		if code := a.Run(t.Context(), append([]string{"act"}, strings.Fields(args)...), &stderr, &stderr); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, &stderr)
		}
	}
}

func TestEveryFlagHasAVariable(t *testing.T) {
	t.Setenv("ROLLCALL_HOW_OFTEN", "7")
	t.Setenv("ROLLCALL_ALL", "true")
	got, all := 0, false
	a := New("test")
	cmd := &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error { return nil }}
	cmd.Flags().IntVar(&got, "how-often", 1, "how often")
	cmd.Flags().BoolVar(&all, "all", false, "all")
	NotInEnvironment(cmd, "all")
	must(cmd.MarkFlagRequired("how-often"))
	a.Add(cmd)
	var stderr bytes.Buffer
	if code := a.Run(t.Context(), []string{"act"}, &stderr, &stderr); code != 0 || got != 7 || all {
		t.Errorf("%d, %d, %v, %s", code, got, all, &stderr)
	}
	t.Setenv("ROLLCALL_HOW_OFTEN", "seven")
	if code := a.Run(t.Context(), []string{"act", "--how-often", "8"}, &stderr, &stderr); code != 0 || got != 8 {
		t.Errorf("%d, %d, %s", code, got, &stderr)
	}
}
