package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/demo"
)

// nodeName is the hidden command by which the demo runs its nodes.
const nodeName = "demo-node"

func demoCommand() *cobra.Command {
	var cfg demo.Config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run Hertz servers that come, drain and crash, and a client that finds them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program, to start nodes with it: %w", err)
			}
			cfg.Out = cli.Raw(cmd.OutOrStdout())
			cfg.Node = []string{self, nodeName}
			return demo.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.Redis, "redis", "", "URL of a Redis, redis://user:password@host:port/db (default: an embedded one)")
	cmd.Flags().BoolVar(&cfg.Keep, "keep", false, "go on after the script, until Ctrl-C")
	cli.NotInEnvironment(cmd, "redis") // a demo has no business on the Redis that other commands use
	return cmd
}

func nodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    nodeName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.RunNode(cmd.InOrStdin(), cli.Raw(cmd.OutOrStdout()))
		},
	}
}
