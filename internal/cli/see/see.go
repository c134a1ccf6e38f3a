// Package see has the commands of rollcall that look and change nothing.
package see

import (
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// Commands returns the commands.
func Commands(app *cli.App) []*cobra.Command {
	return []*cobra.Command{
		getCommand(app), describeCommand(app), historyCommand(app), whyCommand(app), watchCommand(app), waitCommand(app),
	}
}

// A scope says which nodes a command is about.
type scope struct {
	service string // "": all
	all     bool   // namespaces
	labels  cli.Labels
}

func (s *scope) flags(cmd *cobra.Command) {
	s.everywhere(cmd)
	cmd.Flags().VarP(&s.labels, "label", "l", "only nodes with this metadata; may be given many times")
}

func (s *scope) everywhere(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&s.all, "all-namespaces", "A", false, "in all namespaces")
}

// operator returns one who looks, in the namespaces of the scope.
func (s *scope) operator(r *registry.Redis) *registry.Operator {
	op := r.Operator("")
	if s.all {
		return op.In("*")
	}
	return op
}

// in fills in what the arguments [SERVICE] say.
func (s *scope) in(args []string) {
	if len(args) > 0 {
		s.service = args[0]
	}
}
