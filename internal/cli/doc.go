// Package cli is what all commands of rollcall share: where Redis is, the outputs,
// the exit codes, and the safety of the terminal.
//
//	app := cli.New("1.2.0")
//	app.Add(see.Commands(app)...)
//	os.Exit(app.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
//
// A command is a *cobra.Command with a RunE. It connects with App.Open, writes to
// cmd.OutOrStdout and cmd.ErrOrStderr, and returns an error, from which Run makes the
// exit code. App.Run gives every flag an environment variable, and reports every fault
// that precedes RunE as wrong usage.
//
// # Terminal safety
//
// Names, reasons and tags are written by others. Both writers of a command show control
// characters and escape sequences instead of sending them on. Raw is the way around
// that, for what the program itself draws.
package cli
