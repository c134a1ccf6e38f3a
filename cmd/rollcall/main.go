// Command rollcall operates service registration and discovery on Redis.
//
//	rollcall demo      see it work, on an embedded Redis or on yours
//	rollcall help      everything else
package main

import (
	"context"
	"os"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/cli/bench"
	"github.com/rollcall-go/rollcall/internal/cli/cheat"
	"github.com/rollcall-go/rollcall/internal/cli/doctor"
	"github.com/rollcall-go/rollcall/internal/cli/probe"
	"github.com/rollcall-go/rollcall/internal/cli/render"
	"github.com/rollcall-go/rollcall/internal/cli/run"
	"github.com/rollcall-go/rollcall/internal/cli/see"
	"github.com/rollcall-go/rollcall/internal/cli/steer"
	"github.com/rollcall-go/rollcall/internal/cli/top"
	"github.com/rollcall-go/rollcall/internal/cli/transfer"
)

func main() {
	app := cli.New(version())
	app.Add(demoCommand(), nodeCommand(), versionCommand())
	app.Add(doctor.Commands(app)...)
	app.Add(run.Command(app), probe.Resolve(app), probe.Ping(app), probe.Check(app))
	app.Add(render.Command(app), top.Command(app), bench.Command(app), transfer.Export(app), transfer.Import(app), cheat.Command())
	app.Add(see.Commands(app)...)
	app.Add(steer.Commands(app)...)
	os.Exit(app.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
