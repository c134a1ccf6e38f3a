// Package cheat is the command that prints the most used commands.
package cheat

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"
)

// Page is what rollcall cheat prints.
//
//go:embed cheat.txt
var Page string

// Command is rollcall cheat.
func Command() *cobra.Command {
	return &cobra.Command{
		Use:   "cheat",
		Short: "A page of the most used commands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), Page)
			return err
		},
	}
}
