package steer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func weightCommand(app *cli.App) *cobra.Command {
	var a act
	cmd := a.command(app, "weight SERVICE NODE|--all N|own")
	a.timed(cmd)
	cmd.Short = "Set the weight of a node: its share of the calls"
	cmd.Long = `Set the weight of a node, or with --all of all nodes of a service: its share of the calls, relative
to the other nodes. Nodes have 10 unless they say otherwise. 0: no calls at all. own undoes it,
and the weight is again that which the node registered with.`
	cmd.Example = `  rollcall weight shop 10.0.0.1:8080 1 --for 10m --reason canary
  rollcall weight shop 10.0.0.1:8080 own`
	cmd.Args = a.args(1, 1)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		if a.rest[0] == "own" {
			if a.duration > 0 || a.stay {
				return cli.Usagef("own has no --for and no --stay: it takes back what was set")
			}
			return a.undo(cmd, r, "weight")
		}
		n, err := strconv.Atoi(a.rest[0])
		if err != nil || n < 0 {
			return cli.Usagef("%s is no weight: give a number from 0, or own", cli.Text(a.rest[0]))
		}
		v, weight := a.override(), n
		if n == 0 {
			weight = registry.NoTraffic
		}
		v.Weight = &weight
		return a.set(cmd, r, v, fmt.Sprintf("%s: weight %d", a.target(), n))
	})
	return cmd
}

func labelCommand(app *cli.App) *cobra.Command {
	var a act
	cmd := a.command(app, "label SERVICE NODE|--all KEY=VALUE|KEY-...")
	a.timed(cmd)
	cmd.Short = "Set or hide keys of the metadata of a node"
	cmd.Long = `Set keys of the metadata of a node, or with --all of all nodes of a service, as clients see them;
KEY- hides a key. What the node registered with stays as it is: rollcall undo SERVICE NODE
metadata:KEY shows it again.`
	cmd.Example = `  rollcall label shop 10.0.0.1:8080 canary=true --for 1h
  rollcall label shop --all team- owner=web`
	cmd.Args = a.args(1, anyNumber)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		v := a.override()
		v.Metadata = map[string]*string{}
		for _, word := range a.rest {
			key, value, set := strings.Cut(word, "=")
			hidden := !set && strings.HasSuffix(word, "-")
			if hidden {
				key = strings.TrimSuffix(word, "-")
			}
			if key == "" || !set && !hidden {
				return cli.Usagef("%s is neither KEY=VALUE nor KEY-", cli.Text(word))
			}
			if _, twice := v.Metadata[key]; twice {
				return cli.Usagef("%s is there twice", cli.Text(key))
			}
			v.Metadata[key] = nil
			if set {
				v.Metadata[key] = &value
			}
		}
		return a.set(cmd, r, v, a.target()+": metadata "+strings.Join(a.rest, " "))
	})
	return cmd
}
