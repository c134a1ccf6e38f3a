package check

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/rollcall-go/rollcall/metrics"
)

var promql = parser.NewParser(parser.Options{})

// described returns the labels of each metric that the collector describes.
func described(t *testing.T) map[string][]string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		metrics.New().Describe(descs)
		close(descs)
	}()
	text := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)
	all := map[string][]string{}
	for d := range descs {
		m := text.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a Desc of another form: %s", d)
		}
		all[m[1]] = strings.Split(m[2], ",")
	}
	return all
}

// fault returns what is wrong with an expression: that it cannot be parsed, or names a
// metric or a label that is not there.
func fault(expr string, known map[string][]string) (found []string) {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	var of []string // the labels of all metrics in it
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		name, isBucket := s.Name, false
		if known[name] == nil {
			name, isBucket = strings.CutSuffix(name, "_bucket")
		}
		if known[name] == nil || isBucket && !strings.HasSuffix(name, "_seconds") {
			found = append(found, "no metric "+s.Name)
		}
		of = append(of, known[name]...)
		for _, m := range s.LabelMatchers {
			if m.Name != model.MetricNameLabel && !slices.Contains(known[name], m.Name) {
				found = append(found, s.Name+" has no label "+m.Name)
			}
		}
		return nil
	})
	of = append(of, "le", "instance", "job") // of histograms, and of Prometheus
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				if !slices.Contains(of, label) {
					found = append(found, "no label "+label)
				}
			}
		}
		return nil
	})
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Prometheus takes the alerts, each metric that they name exists, and each has a runbook.
func TestAlerts(t *testing.T) {
	known := described(t)
	groups, errs := rulefmt.Parse([]byte(read(t, "../prometheus/alerts.yml")), false, model.UTF8Validation, promql, slog.Default())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	page := read(t, "../../docs/operations.md")
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		anchors[strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")] = true
	}
	alerts := 0
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			alerts++
			for _, f := range fault(r.Expr, known) {
				t.Errorf("%s: %s", r.Alert, f)
			}
			to, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "#")
			if !strings.HasSuffix(to, "/docs/operations.md") || !anchors[anchor] {
				t.Errorf("%s: runbook %s#%s is not there", r.Alert, to, anchor)
			}
			if !strings.Contains(page, "\n| `"+r.Alert+"` | ") {
				t.Errorf("%s is not in the table of docs/operations.md", r.Alert)
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s has no severity, summary or description", r.Alert)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("%d alerts only", alerts)
	}
}

// Each expression of the dashboard can be parsed and names metrics that exist, and each metric
// is on it.
func TestDashboard(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../grafana/dashboards/rollcall.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	known, all := described(t), ""
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all += target.Expr + "\n"
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			for _, f := range fault(expr, known) {
				t.Errorf("%s: %s", p.Title, f)
			}
		}
	}
	for name := range known {
		if !strings.Contains(all, name) {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

// What is not there is found.
func TestFaults(t *testing.T) {
	known := described(t)
	for expr, want := range map[string]string{
		`rollcall_gaps_total{service="a"}`:                    "",
		`sum by (le) (rollcall_call_duration_seconds_bucket)`: "",
		`sum by (instance) (rollcall_gaps_total)`:             "",
		`rollcall_gaps`:                        "no metric rollcall_gaps",
		`rollcall_gaps_total_bucket`:           "no metric rollcall_gaps_total_bucket",
		`rollcall_gaps_total{state="a"}`:       "rollcall_gaps_total has no label state",
		`sum by (state) (rollcall_gaps_total)`: "no label state",
		`sum by (state (rollcall_gaps_total)`:  "parse error",
	} {
		got := strings.Join(fault(expr, known), ", ")
		if got != want && (want != "parse error" || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}
