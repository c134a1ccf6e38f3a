package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/registry"
)

func (a *App) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Name the Redises that you work with, and choose one",
		Long: `A context is a name for where Redis is, with namespace, prefix and password. The contexts
are in rollcall/contexts.yaml in your directory of settings (~/.config on Linux), which only
you can read. rollcall help environment tells when a context is used.`,
		Example: `  rollcall context add prod --redis rediss://ops:secret@redis.internal:6380/0 --namespace shop
  rollcall context use prod
  rollcall --context prod get services`,
	}
	cmd.AddCommand(a.contextAdd(), contextUse(), contextList(), contextRemove())
	return cmd
}

func (a *App) contextAdd() *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME --redis URL",
		Short: "Add a context, or replace the one of that name",
		Long: `Add a context, or replace the one of that name. It keeps what the flags for the place of
Redis say: --redis, --namespace, --prefix, --cluster, --master, --username, --password, --ca.
Where no context is the current one, it becomes that.`,
		Example: `  rollcall context add local --redis 127.0.0.1:6379
  rollcall context add prod --redis redis://s1:26379,s2:26379 --master main --password "$SECRET"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" || !printable(args[0]) {
				return Usagef("%q cannot name a context: use letters that can be printed", args[0])
			}
			if a.place.Redis == "" {
				return Usagef("say where Redis is: rollcall context add %s --redis URL", args[0])
			}
			p := a.flagged(cmd.Flags())
			if err := p.check(); err != nil {
				return err
			}
			c, err := readContexts()
			if err != nil {
				return err
			}
			done := "added"
			if _, there := c.Contexts[args[0]]; there {
				done = "replaced"
			}
			first := c.Current == ""
			if first {
				c.Current = args[0]
			}
			c.Contexts[args[0]] = p
			if err := c.save(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "context %s %s\n", args[0], done)
			switch {
			case first:
				fmt.Fprintf(cmd.OutOrStdout(), "context %s is the current one\n", args[0])
				warnOverridden(cmd)
			case c.Current != args[0]:
				fmt.Fprintf(cmd.OutOrStdout(), "the current one is still %s: rollcall context use %s\n", c.Current, args[0])
			}
			return nil
		},
	}
}

func contextUse() *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Make a context the current one",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: contextNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := changeContext(args[0], func(c *contexts) { c.Current = args[0] }); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "context %s is the current one\n", args[0])
			warnOverridden(cmd)
			return nil
		},
	}
}

// warnOverridden says which variable goes before the current context, if one does.
func warnOverridden(cmd *cobra.Command) {
	for _, name := range []string{"ROLLCALL_REDIS_URL", "ROLLCALL_CONTEXT"} {
		if os.Getenv(name) != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: $%s goes before the current context: unset it, or give --context\n", name)
			return
		}
	}
}

func contextRemove() *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME",
		Short:             "Remove a context",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: contextNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			next := ""
			err := changeContext(args[0], func(c *contexts) {
				delete(c.Contexts, args[0])
				if c.Current != args[0] {
					return
				}
				c.Current = ""
				next = "no context is the current one now: rollcall context use NAME"
				if len(c.Contexts) == 0 {
					next = "no context is left: without --redis, rollcall looks for Redis at " + registry.DefaultAddress
				}
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "context %s removed\n", args[0])
			if next != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), next)
			}
			return nil
		},
	}
}

// A listedContext is a context as it is printed, without passwords.
type listedContext struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	place
}

func contextList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the contexts, without their passwords",
		Args:  cobra.NoArgs,
	}
	output := OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := readContexts()
		if err != nil {
			return err
		}
		var all []listedContext
		for _, name := range c.names() {
			all = append(all, listedContext{name, name == c.Current, c.Contexts[name].redacted()})
		}
		if len(all) == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "no contexts: rollcall context add NAME --redis URL")
		}
		return NewPrinter(cmd.OutOrStdout(), output, contextColumns).All(all)
	}
	return cmd
}

var contextColumns = []Column[listedContext]{
	{Name: "CURRENT", Cell: func(c listedContext) string {
		if c.Current {
			return "*"
		}
		return " "
	}},
	{Name: "NAME", Cell: func(c listedContext) string { return c.Name }},
	{Name: "REDIS", Cell: func(c listedContext) string { return c.Redis }},
	{Name: "NAMESPACE", Cell: func(c listedContext) string { return c.Namespace }},
	{Name: "PREFIX", Cell: func(c listedContext) string { return c.Prefix }},
	{Name: "MASTER", Wide: true, Cell: func(c listedContext) string { return c.Master }},
	{Name: "USERNAME", Wide: true, Cell: func(c listedContext) string { return c.Username }},
}
