// Command rollcall operates service registration and discovery on Redis.
//
//	rollcall demo      see it work, on an embedded Redis or on yours
//	rollcall help      everything else
package main

import (
	"context"
	"os"

	"github.com/rollcall-go/rollcall/internal/cli"
)

func main() {
	app := cli.New(version())
	app.Add(demoCommand(), nodeCommand(), versionCommand())
	os.Exit(app.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
