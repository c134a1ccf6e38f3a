package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines are three turns: the ratio to script is 3, 2.5 and 2.
const lines = `BenchmarkCost/renew/1/rollcall-2 10 12 redis-us/node
BenchmarkCost/renew/1/bare-pexpire-2 10 3 redis-us/node
BenchmarkCost/renew/1/script-2 10 4 redis-us/node
BenchmarkCost/renew/1/rollcall-2 10 10 redis-us/node
BenchmarkCost/renew/1/bare-pexpire-2 10 3 redis-us/node
BenchmarkCost/renew/1/script-2 10 4 redis-us/node
BenchmarkCost/renew/1/rollcall-2 10 8 redis-us/node
BenchmarkCost/renew/1/bare-pexpire-2 10 3 redis-us/node
BenchmarkCost/renew/1/script-2 10 4 redis-us/node
`

func TestTable(t *testing.T) {
	reference := filepath.Join(t.TempDir(), "reference.json")
	var out strings.Builder
	if err := run(strings.NewReader(lines), &out, reference, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Cost/renew/1", "10", "3.33 (bare-pexpire)", "2.50 (script)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
	if err := run(strings.NewReader(lines), &out, "", reference); err != nil {
		t.Errorf("the same figures fail: %v", err)
	}
	slow := strings.ReplaceAll(lines, "rollcall-2 10 ", "rollcall-2 10 8")
	if err := run(strings.NewReader(slow), &out, "", reference); err == nil || !strings.Contains(err.Error(), "over twice") {
		t.Errorf("three times the figure: %v", err)
	}
	gone := strings.ReplaceAll(lines, "script", "other")
	if err := run(strings.NewReader(gone), &out, "", reference); err == nil || !strings.Contains(err.Error(), "beside script was not measured") {
		t.Errorf("a peer is missing: %v", err)
	}
	if err := run(strings.NewReader(""), &out, "", reference); err == nil {
		t.Error("no figures: no error")
	}
	if _, err := os.Stat(reference); err != nil {
		t.Error(err)
	}
}

// The best peer comes first.
func TestPeers(t *testing.T) {
	r := row{Ratios: map[string]float64{"slow": 0.5, "fast": 2, "bare-a": 3, "bare-b": 4}}
	if got := r.peers(); got != "2.00 (fast), 0.50 (slow)" {
		t.Error(got)
	}
	if got := r.limit(); got != "4.00 (bare-b)" {
		t.Error(got)
	}
}

// One turn that nothing disturbs is enough to pass, and a ratio is within its turn.
func TestWorseTakesTheBestTurn(t *testing.T) {
	was := []row{{Work: "w", Unit: "u", Ratios: map[string]float64{"peer": 2}}}
	ratios := func(ours ...float64) []row {
		r := runs{
			order:  []figure{{"w", "u"}},
			values: map[figure]map[string][]float64{{"w", "u"}: {"rollcall": ours, "peer": {4, 4, 10}}},
		}
		return r.table()
	}
	if err := worse(ratios(40, 12, 100), was); err != nil {
		t.Errorf("3 times in one turn: %v", err)
	}
	if err := worse(ratios(40, 20, 100), was); err == nil {
		t.Error("5 times in every turn: no error")
	}
	if got := turns([]float64{1}, []float64{0}); len(got) != 0 {
		t.Errorf("a ratio to 0: %v", got)
	}
}
