package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// TestScripts runs testdata/script with the built rollcall on a real Redis, which the
// scripts share; each has a prefix of its own. Beside the commands of testscript there are
//
//	node SERVICE ID [key=value...]   register a node until the script ends; the keys are
//	                                 address, version, weight, zone, namespace, status, ttl;
//	                                 all others are metadata
//	leave SERVICE ID                 deregister it
//	crash SERVICE ID [key=value...]  register a node that nobody renews
//	until PATTERN COMMAND...         run a command again until its standard output matches
//	code N COMMAND...                run a command that has to end with the exit code N
//	listen NAME                      accept connections on an address, which $NAME is then
//	no-keys PATTERN                  fail if Redis has a key like this
//	start NAME COMMAND...            run a command in the background
//	sees NAME PATTERN                wait until its output, standard error too, matches
//	interrupt N NAME                 end it as Ctrl-C does; its exit code is N
//	ended N NAME                     wait until it ends by itself, with exit code N
//	hostile SERVICE                  register a node with escape sequences in all its texts
//	safe PATTERN [NAME]              the last output, or that of NAME, matches, and nothing in it steers a terminal
//	valid json|yaml                  the last output is that
//	any COMMAND...                   run a command that may fail
//	grant USER ROLE [FLAG...]        give a user, whose password is secret, what rollcall acl prints
//	redis COMMAND...                 call Redis; $KEYS is the prefix of the script, $ADDR where Redis is
func TestScripts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	runScripts(t, "testdata/script", server, map[string]string{"ROLLCALL_REDIS_URL": server.URL(), "ADDR": server.Addr()}, registry.URL(server.URL()))
}

// runScripts runs the scripts of a folder where variables and options lead to the same Redis. Only
// scripts that call redis or hostile need the server.
func runScripts(t *testing.T, dir string, server *redistest.Server, variables map[string]string, opts ...registry.Option) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Condition: func(cond string) (bool, error) { // [env:NAME]: the variable is among those given
			name, is := strings.CutPrefix(cond, "env:")
			if !is {
				return false, fmt.Errorf("there is no condition %s", cond)
			}
			_, given := variables[name]
			return given, nil
		},
		Setup: func(env *testscript.Env) error {
			prefix := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			for name, value := range variables {
				env.Setenv(name, value)
			}
			env.Setenv("ROLLCALL_PREFIX", prefix)
			env.Setenv("KEYS", prefix)
			env.Setenv("ESC", "\x1b")
			env.Values[programs{}] = map[string]*exec.Cmd{}
			newRegistry := func() *registry.Redis {
				r := registry.NewRegistry(append(opts, registry.Prefix(prefix), registry.Logger(zerolog.Nop()))...)
				env.Defer(func() { _ = r.Close(context.Background()) })
				return r
			}
			env.Values[live{}], env.Values[abandoned{}] = newRegistry(), newRegistry()
			env.Values[theServer{}] = server
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node": func(ts *testscript.TestScript, _ bool, args []string) { register(ts, live{}, args) },
			"crash": func(ts *testscript.TestScript, _ bool, args []string) {
				register(ts, abandoned{}, args, registry.RegisterManual())
			},
			"leave":   leave,
			"code":    code,
			"listen":  listen,
			"no-keys": noKeys,
			"until":   until,
			"start":   start,
			"sees":    sees,
			"interrupt": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(background(ts, args[1]).Process.Signal(os.Interrupt))
				ended(ts, false, args)
			},
			"ended":   ended,
			"hostile": hostile,
			"safe":    safe,
			"valid":   valid,
			"any":     whatever,
			"grant":   grant,
			"redis": func(ts *testscript.TestScript, neg bool, args []string) {
				words := make([]any, len(args))
				for i, arg := range args {
					words[i] = arg
				}
				_, err := ts.Value(theServer{}).(*redistest.Server).Client().Do(context.Background(), words...).Result()
				if (err != nil) != neg {
					ts.Fatalf("redis %v: %v", args, err)
				}
			},
		},
	})
}

// What a script has: the registries of its nodes, the server, and programs in the background.
type (
	live      struct{}
	abandoned struct{}
	programs  struct{} // by name
	theServer struct{}
)

// serviceOf reads SERVICE ID [key=value...].
func serviceOf(ts *testscript.TestScript, args []string) *registry.Service {
	if len(args) < 2 {
		ts.Fatalf("want SERVICE ID [key=value...], got %q", args)
	}
	n := &registry.Node{ID: args[1], Address: "127.0.0.1:1", Metadata: map[string]string{}}
	s := &registry.Service{Name: args[0], Nodes: []*registry.Node{n}}
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "address":
			n.Address = value
		case "version":
			s.Version = value
		case "namespace":
			s.Namespace = value
		case "zone":
			n.Zone = value
		case "weight":
			n.Weight, err = strconv.Atoi(value)
		case "ttl":
			s.TTL, err = time.ParseDuration(value)
		case "status":
			if value == registry.Draining.String() {
				n.Status = registry.Draining
			}
		default:
			n.Metadata[key] = value
		}
		ts.Check(err)
	}
	return s
}

func register(ts *testscript.TestScript, owner any, args []string, opts ...registry.RegisterOption) {
	ts.Check(ts.Value(owner).(*registry.Redis).Register(context.Background(), serviceOf(ts, args), opts...))
}

func leave(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Value(live{}).(*registry.Redis).Deregister(context.Background(), serviceOf(ts, args)))
}
