package see

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A namespace is the services and nodes of a namespace, counted.
type namespace struct {
	Namespace string `json:"namespace"`
	Services  int    `json:"services"`
	Nodes     int    `json:"nodes"`
}

var namespaceColumns = []cli.Column[namespace]{
	{Name: "NAMESPACE", Cell: func(n namespace) string { return n.Namespace }},
	{Name: "SERVICES", Cell: func(n namespace) string { return strconv.Itoa(n.Services) }},
	{Name: "NODES", Cell: func(n namespace) string { return strconv.Itoa(n.Nodes) }},
}

func getNamespaces(app *cli.App) *cobra.Command {
	var l lister
	cmd := l.command(app, "namespaces", "List the namespaces that have services, or had some within the last week", "  rollcall get namespaces")
	cmd.Aliases = []string{"namespace", "ns"}
	cmd.Args, cmd.ValidArgsFunction = cobra.NoArgs, cobra.NoFileCompletions
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		list := func() ([]namespace, error) { return namespaces(cmd, r) }
		if l.watch {
			return poll(cmd, l.output, namespaceColumns, list,
				func(n namespace) string { return n.Namespace }, func(n namespace) namespace { return namespace{Namespace: n.Namespace} })
		}
		found, err := list()
		if err != nil {
			return err
		}
		return printAll(cmd, l.output, namespaceColumns, found, "no namespaces")
	})
	return cmd
}

func namespaces(cmd *cobra.Command, r *registry.Redis) ([]namespace, error) {
	names, err := r.Operator("").Namespaces(cmd.Context())
	if err != nil {
		return nil, err
	}
	infos, err := r.Operator("").In("*").Nodes(cmd.Context(), "")
	if err != nil {
		return nil, err
	}
	found := make([]namespace, len(names))
	at := map[string]*namespace{}
	for i, name := range names {
		found[i].Namespace = name
		at[name] = &found[i]
	}
	for _, s := range count(nodesOf(infos, nil)) {
		if n := at[s.Namespace]; n != nil {
			n.Services++
			n.Nodes += s.Nodes
		}
	}
	return found, nil
}
