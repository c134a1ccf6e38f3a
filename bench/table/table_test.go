package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lines = `BenchmarkCost/renew/1/rollcall-2 10 12 redis-us/node
BenchmarkCost/renew/1/bare-pexpire-2 10 3 redis-us/node
BenchmarkCost/renew/1/script-2 10 4 redis-us/node
BenchmarkCost/renew/1/rollcall-2 10 8 redis-us/node
BenchmarkCost/renew/1/rollcall-2 10 10 redis-us/node
`

func TestTable(t *testing.T) {
	reference := filepath.Join(t.TempDir(), "reference.json")
	var out strings.Builder
	if err := run(strings.NewReader(lines), &out, reference, "", false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Cost/renew/1", "10", "3.33 (bare-pexpire)", "2.50 (script)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
	if err := run(strings.NewReader(lines), &out, "", reference, false); err != nil {
		t.Errorf("the same figures fail: %v", err)
	}
	slow := strings.ReplaceAll(lines, "rollcall-2 10 ", "rollcall-2 10 3")
	if err := run(strings.NewReader(slow), &out, "", reference, false); err == nil || !strings.Contains(err.Error(), "over twice") {
		t.Errorf("three times the figure: %v", err)
	}
	if err := run(strings.NewReader(""), &out, "", reference, false); err == nil {
		t.Error("no figures: no error")
	}
	if _, err := os.Stat(reference); err != nil {
		t.Error(err)
	}
}
