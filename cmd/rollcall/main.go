// Command rollcall operates service registration and discovery on Redis.
//
//	rollcall demo      see it work, on an embedded Redis or on yours
//	rollcall help      everything else
package main

import (
	"context"
	"os"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/cli/doctor"
)

func main() {
	app := cli.New(version())
	app.Add(demoCommand(), nodeCommand(), versionCommand())
	app.Add(doctor.Commands(app)...)
	os.Exit(app.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
