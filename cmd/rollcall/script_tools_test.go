package main

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func code(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("want N COMMAND..., got %q", args)
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func listen(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

func grant(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("rollcall", append([]string{"acl", "--user", args[0]}, args[1:]...)...))
	var words []any
	for word := range strings.FieldsSeq(ts.ReadFile("stdout")) {
		words = append(words, word)
	}
	client := ts.Value(theServer{}).(*redistest.Server).Client()
	ts.Check(client.Do(context.Background(), words...).Err())
	ts.Defer(func() { _ = client.Do(context.Background(), "ACL", "DELUSER", args[0]).Err() })
}

func noKeys(ts *testscript.TestScript, _ bool, args []string) {
	keys, err := ts.Value(theServer{}).(*redistest.Server).Client().Keys(context.Background(), args[0]).Result()
	ts.Check(err)
	if len(keys) > 0 {
		ts.Fatalf("keys are left: %q", keys)
	}
}
