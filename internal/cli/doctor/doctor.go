// Package doctor holds the commands that look after Redis itself: doctor and acl.
package doctor

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/doctor"
	"github.com/rollcall-go/rollcall/registry"
)

// Commands returns doctor and acl.
func Commands(app *cli.App) []*cobra.Command {
	return []*cobra.Command{doctorCommand(app), aclCommand(app)}
}

func doctorCommand(app *cli.App) *cobra.Command {
	var o doctor.Options
	var roles []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine Redis, your rights and the data, and say what to do",
		Long: `Examine Redis, the rights of your user, and what is registered. Give the user that your
services have, or an administrator. Nothing is written.

  ok       all is well
  unknown  Redis does not tell this user
  warn     it costs something, or will harm after one more fault
  fail     a promise of Rollcall is broken, or the next fault breaks it

What to do stands below what was found, behind >. With -o wide, each finding is one long line.

The exit code is 1 if a check fails, also where Redis does not answer. Rights are tried in a
transaction that Redis discards; those that are missing show in its ACL LOG.`,
		Example: `  rollcall doctor
  rollcall doctor --redis redis://shop:secret@redis.internal:6379 --role registrar --service shop
  rollcall doctor -o jsonpath='$[?@.level=="fail"].what'`,
		Args: cobra.NoArgs,
	}
	output := cli.OutputFlag(cmd)
	cmd.Flags().StringSliceVar(&roles, "role", nil, "role that the user has to have: registrar, resolver or operator; may be given again")
	cmd.Flags().StringVar(&o.Service, "service", "", "look at the rights for this service and its data alone")
	cmd.Flags().BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "rights for all namespaces, and the data of all")
	completeRoles(cmd)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) (err error) {
		if o.Roles, err = parseRoles(roles); err != nil {
			return err
		}
		findings, err := doctor.Examine(cmd.Context(), r, o)
		if err != nil {
			return err
		}
		for i, f := range findings {
			if f.Err != nil {
				findings[i].What, findings[i].Remedy = app.Explain(f.Err)
			}
		}
		if output.Table() && !output.Wide() {
			width, _, ok := cli.Size(cmd.OutOrStdout())
			if !ok {
				width = usualWidth
			}
			err = report(cmd.OutOrStdout(), findings, width, cli.HasColour(cmd.OutOrStdout()))
		} else {
			err = cli.NewPrinter(cmd.OutOrStdout(), output, columns).All(findings)
		}
		if err != nil {
			return err
		}
		if doctor.Failed(findings) {
			return &cli.ExitError{Code: cli.ExitFailed}
		}
		return nil
	})
	return cmd
}

var columns = []cli.Column[doctor.Finding]{
	{Name: "LEVEL", Cell: func(f doctor.Finding) string { return string(f.Level) }, Style: style},
	{Name: "CHECK", Cell: func(f doctor.Finding) string { return f.Check }},
	{Name: "SERVER", Cell: func(f doctor.Finding) string { return f.Server }},
	{Name: "WHAT", Cell: func(f doctor.Finding) string { return f.What }},
	{Name: "WHAT TO DO", Cell: func(f doctor.Finding) string { return f.Remedy }},
}

func style(f doctor.Finding) cli.Style {
	return map[doctor.Level]cli.Style{doctor.OK: cli.Good, doctor.Warn: cli.Warn, doctor.Fail: cli.Bad, doctor.Unknown: cli.Faint}[f.Level]
}

func parseRoles(words []string) (roles []acl.Role, err error) {
	for _, w := range words {
		role := acl.Role(w)
		if !slices.Contains(acl.Roles, role) {
			return nil, cli.Usagef("%q is no role; there are %v", w, acl.Roles)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func completeRoles(cmd *cobra.Command) {
	if err := cmd.RegisterFlagCompletionFunc("role", roleNames); err != nil {
		panic(fmt.Sprintf("rollcall: a mistake in the program: %v", err))
	}
}

func roleNames(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	for _, r := range acl.Roles {
		names = append(names, string(r))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
