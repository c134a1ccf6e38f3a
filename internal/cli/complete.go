package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/registry"
)

// completionTime bounds how long the shell waits for a completion.
const completionTime = time.Second

// CompleteServiceNode completes SERVICE and then NODE. It asks Redis for at most a second,
// and completes nothing if that fails.
func (a *App) CompleteServiceNode(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.complete(cmd, services)
	case 1:
		return a.complete(cmd, func(ctx context.Context, r *registry.Redis) []string { return nodes(ctx, r, args[0]) })
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// CompleteService completes SERVICE, as the first argument.
func (a *App) CompleteService(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.CompleteServiceNode(cmd, args, word)
}

func (a *App) complete(cmd *cobra.Command, names func(context.Context, *registry.Redis) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	if setFromEnvironment(cmd.Flags()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r, err := a.Open(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = r.Close(ctx) }()
	var safe []string
	for _, name := range names(ctx, r) {
		if printable(name) { // the shell would have to take the quoted name for the name
			safe = append(safe, name)
		}
	}
	return safe, cobra.ShellCompDirectiveNoFileComp
}

func services(ctx context.Context, r *registry.Redis) (names []string) {
	all, _ := r.ListServices(ctx)
	for _, s := range all {
		if len(names) == 0 || names[len(names)-1] != s.Name {
			names = append(names, s.Name)
		}
	}
	return names
}

func nodes(ctx context.Context, r *registry.Redis, service string) (ids []string) {
	versions, _ := r.GetService(ctx, service)
	for _, s := range versions {
		for _, n := range s.Nodes {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

func contextNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, _ := readContexts()
	return c.names(), cobra.ShellCompDirectiveNoFileComp
}

func contextFlag(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return contextNames(cmd, nil, word)
}
