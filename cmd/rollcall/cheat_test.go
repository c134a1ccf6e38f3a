package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/internal/cli/cheat"
)

// Each command of the page is there, and has the flags that the page gives it.
func TestCheat(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary, "cheat").Output()
	if err != nil || string(out) != cheat.Page {
		t.Errorf("%v\n%s", err, out)
	}
	line := regexp.MustCompile(`rollcall ([a-z]+(?: (?:services|nodes|overrides|node|add|use)\b)?)(.*)`)
	flag := regexp.MustCompile(` (--?[a-z][a-z-]*)`)
	found := 0
	for _, m := range line.FindAllStringSubmatch(cheat.Page, -1) {
		found++
		help, err := exec.CommandContext(t.Context(), binary, append(strings.Fields(m[1]), "--help")...).Output()
		usage, _, _ := strings.Cut(m[1], " ")
		if err != nil || !strings.Contains(string(help), "rollcall "+usage) {
			t.Errorf("rollcall %s --help: %v\n%s", m[1], err, help)
		}
		arguments, _, _ := strings.Cut(m[2], " -- ")
		arguments, _, _ = strings.Cut(arguments, "    ")
		arguments = regexp.MustCompile(`'[^']*'`).ReplaceAllString(arguments, "")
		for _, f := range flag.FindAllStringSubmatch(arguments, -1) {
			if !regexp.MustCompile(`(^|[\s,])` + f[1] + `\b`).Match(help) {
				t.Errorf("rollcall %s has no flag %s", m[1], f[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("the page has %d commands only", found)
	}
}
