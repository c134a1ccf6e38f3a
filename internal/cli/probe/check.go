package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/condition"
	"github.com/rollcall-go/rollcall/internal/plural"
	"github.com/rollcall-go/rollcall/registry"
)

// A state is one of the four of the Nagios plugin guidelines, and the exit code for it.
type state int

const (
	ok state = iota
	warning
	critical
	unknown
)

func (s state) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s] }

// metrics are what conditions are about.
var metrics = []string{"nodes", cli.Up, cli.Draining}

// thresholds are the conditions that make a service a warning or critical.
type thresholds struct{ warning, critical []condition.Condition }

// Check is rollcall check.
func Check(app *cli.App) *cobra.Command {
	var warn, crit []string
	cmd := &cobra.Command{
		Use:   "check [SERVICE]",
		Short: "Whether a service has enough nodes, as a plugin of Nagios",
		Long: `Print one line with performance data, as plugins of Nagios, Icinga and others do, for one
service or for all services of the namespace that have nodes.

A condition is a number of nodes, an operator and a value: nodes, up (nodes that take
calls: neither draining nor idle, which is a weight of 0) or draining; < <= = >= >. The worst
condition that holds counts. -w and -c are thresholds, as for all plugins: check watches nothing. A service
without nodes is checked like any other, so that it is critical by default.

The exit codes are those of plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, which is also
that of wrong usage, and of a Redis that does not answer.`,
		Example: `  rollcall check shop --warning 'nodes<3' --critical 'up<1'
  rollcall check --critical 'up<2'`,
		ValidArgsFunction: app.CompleteService,
	}
	cmd.Flags().StringSliceVarP(&warn, "warning", "w", nil, "conditions of WARNING, such as nodes<3")
	cmd.Flags().StringSliceVarP(&crit, "critical", "c", []string{"up<1"}, "conditions of CRITICAL")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return undecided(app, cmd, cli.FlagError(cmd, err)) })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		report, worst, err := check(app, cmd, args, warn, crit)
		if err != nil {
			return undecided(app, cmd, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "ROLLCALL %s - %s\n", worst, report)
		if worst != ok {
			return &cli.ExitError{Code: int(worst)}
		}
		return nil
	}
	return cmd
}

// undecided prints the line for what could not be checked.
func undecided(app *cli.App, cmd *cobra.Command, err error) error {
	text, _ := app.Explain(err)
	text = strings.NewReplacer("\n", " ", "|", "/").Replace(text)
	fmt.Fprintf(cmd.OutOrStdout(), "ROLLCALL %s - %s\n", unknown, text)
	return &cli.ExitError{Code: int(unknown)}
}

func check(app *cli.App, cmd *cobra.Command, args, warn, crit []string) (report string, worst state, err error) {
	var limits thresholds
	if len(args) > 1 || len(args) == 1 && args[0] == "" {
		return "", unknown, fmt.Errorf("services %q: name one, or none for all", args)
	}
	for _, level := range []struct {
		texts []string
		into  *[]condition.Condition
	}{{warn, &limits.warning}, {crit, &limits.critical}} {
		for _, text := range level.texts {
			c, err := condition.Parse(text, metrics...)
			if err != nil {
				return "", unknown, err
			}
			*level.into = append(*level.into, c)
		}
	}
	r, err := app.Open(cmd)
	if err != nil {
		return "", unknown, err
	}
	defer func() { _ = r.Close(cmd.Context()) }()
	if len(args) == 1 {
		c, err := count(cmd.Context(), r, args[0])
		if err != nil {
			return "", unknown, err
		}
		worst, text := limits.judge(c)
		return fmt.Sprintf("%s: %s | %s", cli.Text(args[0]), text, limits.perfdata("", c)), worst, nil
	}
	return checkAll(cmd.Context(), r, limits)
}

// checkAll checks all services of the namespace that have nodes.
func checkAll(ctx context.Context, r *registry.Redis, limits thresholds) (report string, worst state, err error) {
	services, err := r.ListServices(ctx)
	if err != nil {
		return "", unknown, err
	}
	var bad, data []string
	checked := 0
	for i, s := range services {
		if i > 0 && services[i-1].Name == s.Name { // another version
			continue
		}
		checked++
		c, err := count(ctx, r, s.Name)
		if errors.Is(err, registry.ErrInvalid) { // another program has written this name
			worst = max(worst, warning)
			bad = append(bad, cli.Text(s.Name)+": its name is not valid")
			continue
		}
		if err != nil {
			return "", unknown, err
		}
		how, text := limits.judge(c)
		worst = max(worst, how)
		if how != ok {
			bad = append(bad, cli.Text(s.Name)+": "+text)
		}
		data = append(data, limits.perfdata(s.Name+" ", c))
	}
	if checked == 0 {
		return "no service has a node | services=0", critical, nil
	}
	report = plural.Count(checked, "service")
	if len(bad) > 0 {
		report = strings.Join(bad, "; ")
	}
	return fmt.Sprintf("%s | services=%d %s", strings.ReplaceAll(report, "|", "/"), checked, strings.Join(data, " ")), worst, nil
}

// count counts the nodes of a service; one that is not found has none.
func count(ctx context.Context, r *registry.Redis, service string) (map[string]int, error) {
	versions, err := r.GetService(ctx, service)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, err
	}
	c := map[string]int{}
	for _, s := range versions {
		for _, n := range s.Nodes {
			c["nodes"]++
			c[cli.Status(n)]++
		}
	}
	return c, nil
}

// judge returns the worst state of which a condition holds, and the line for it.
func (l thresholds) judge(c map[string]int) (state, string) {
	counts := fmt.Sprintf("%s, %d up, %d draining", plural.Count(c["nodes"], "node"), c["up"], c["draining"])
	for _, level := range []struct {
		state      state
		conditions []condition.Condition
	}{{critical, l.critical}, {warning, l.warning}} {
		for _, x := range level.conditions {
			if x.Holds(c[x.Name]) {
				return level.state, fmt.Sprintf("%s (%s)", counts, x)
			}
		}
	}
	return ok, counts
}

// perfdata is one 'label'=value;warning;critical for each metric.
func (l thresholds) perfdata(prefix string, c map[string]int) string {
	fields := make([]string, len(metrics))
	for i, m := range metrics {
		// Quotes and equals signs are not allowed in a label.
		label := strings.NewReplacer("'", "_", "=", "_", "|", "_").Replace(cli.Text(prefix + m))
		fields[i] = strings.TrimRight(fmt.Sprintf("'%s'=%d;%s;%s", label, c[m], limitOf(l.warning, m), limitOf(l.critical, m)), ";")
	}
	return strings.Join(fields, " ")
}

// limitOf is the first condition on a metric as a range of the plugin guidelines, which
// says which values are well.
func limitOf(conditions []condition.Condition, metric string) string {
	for _, x := range conditions {
		if x.Name != metric {
			continue
		}
		switch x.Op {
		case "<":
			return fmt.Sprintf("%d:", x.Value)
		case "<=":
			return fmt.Sprintf("%d:", x.Value+1)
		case ">":
			return fmt.Sprintf("~:%d", x.Value)
		case ">=":
			return fmt.Sprintf("~:%d", x.Value-1)
		default:
			return fmt.Sprintf("@%d:%d", x.Value, x.Value)
		}
	}
	return ""
}
