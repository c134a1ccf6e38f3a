package doctor

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func aclCommand(app *cli.App) *cobra.Command {
	var request acl.Request
	var user, version string
	var everywhere bool
	cmd := &cobra.Command{
		Use:   "acl ROLE...",
		Short: "Print the least rights in Redis of a registrar, a resolver or an operator",
		Long: `Print the command that makes a user of Redis with the least rights of a role, for all
services of the namespace or for one. It asks no Redis.

  registrar  a process that registers itself
  resolver   a process that finds others and calls them; it writes nothing
  operator   people and tools that drain, weight and remove nodes, and watch all services
             at once, unless --service is given

A process that registers and calls others has both roles. The printed password is "secret":
put one of your own there. In a cluster, and with Sentinel, give the command to every server:
ACLs are not replicated. --cluster adds what every user in a cluster needs.`,
		Example: `  rollcall acl registrar --user shop --service shop
  rollcall acl registrar resolver --user shop --namespace prod --cluster
  rollcall acl operator | sed 's/>secret/>'"$PASSWORD"'/' | redis-cli`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: roleNames,
	}
	cmd.Flags().StringVar(&user, "user", "", "name of the user (default: the roles)")
	cmd.Flags().StringVar(&request.Service, "service", "", "for this service alone")
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "for all namespaces")
	cmd.Flags().StringVar(&version, "redis-version", "7.0", "version of Redis: before 7 it cannot give a right to read a key alone")
	cmd.Flags().BoolVar(&request.WatchAll, "watch-all", false, "watch all services at once, as rollcall top does, and rollcall watch without a service; an operator may")
	cmd.Flags().BoolVar(&request.Hints, "hints", false, "learn of crashes from keyspace events, too; goes with --watch-all")
	cmd.Flags().BoolVar(&request.Config, "config", false, "read CONFIG: for the warning where Redis evicts nodes, and to find hints")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := app.Open(cmd)
		if err != nil {
			return err
		}
		at := r.Options() // it has not connected, so there is nothing to close
		request.Prefix, request.Namespace, request.DB, request.Cluster = at.Prefix, at.Namespace, at.DB, at.Cluster || seeds(at)
		if everywhere {
			request.Namespace = "*"
		}
		var major int
		if _, err := fmt.Sscanf(version, "%d", &major); err != nil || major < 6 {
			return cli.Usagef("--redis-version: %q is not 6.2, 7.0 or later", version)
		}
		request.Before7 = major < 7
		if request.Roles, err = parseRoles(args); err != nil {
			return err
		}
		if err := oneName("--service", request.Service); err != nil {
			return err
		}
		if !everywhere {
			if err := oneName("--namespace", request.Namespace); err != nil {
				return err
			}
		}
		rules, err := acl.Rules(request)
		if err != nil {
			return err
		}
		if user == "" {
			user = strings.Join(args, "-")
		}
		line, err := acl.Command(user, rules)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
		return err
	}
	return cmd
}

// patterns are the characters of a pattern of keys. Names with them are legal, and are escaped:
// so "shop-*" would give the rights of one service, where the user means many.
const patterns = `*?[]\`

// oneName refuses a pattern, and what no service and no namespace can be named.
func oneName(flag, name string) error {
	unprintable := func(c rune) bool { return !unicode.IsPrint(c) || c == utf8.RuneError }
	if strings.ContainsAny(name, patterns) || strings.ContainsFunc(name, unprintable) {
		return cli.Usagef("%s: %q: want one name, without control characters and the characters of a pattern, %s", flag, name, patterns)
	}
	return nil
}

// seeds reports whether the addresses are those of a cluster, as package registry has it.
func seeds(o registry.Options) bool { return len(o.Addrs) > 1 && o.URL == "" && o.MasterName == "" }
