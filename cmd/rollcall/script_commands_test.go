package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script.
const patience = 20 * time.Second

// await calls f until it reports true. A script that waits for longer fails.
func await(ts *testscript.TestScript, f func() bool, failed func()) {
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			failed()
		}
		<-time.After(20 * time.Millisecond)
	}
}

func pattern(ts *testscript.TestScript, s string) *regexp.Regexp {
	p, err := regexp.Compile("(?m)" + s)
	ts.Check(err)
	return p
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	want := pattern(ts, args[0])
	await(ts, func() bool {
		_ = ts.Exec(args[1], args[2:]...) // it may fail until it does not
		return want.MatchString(ts.ReadFile("stdout"))
	}, func() { ts.Fatalf("no %q in the output\n%s%s", args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr")) })
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	cmd := exec.Command(binary, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, v := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "ROLLCALL_REDIS_URL", "ROLLCALL_PASSWORD", "ROLLCALL_PREFIX", "ROLLCALL_MASTER", "ROLLCALL_CLUSTER", "ROLLCALL_CA"} {
		cmd.Env = append(cmd.Env, v+"="+ts.Getenv(v))
	}
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer func() { _ = out.Close() }() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	ts.Value(programs{}).(map[string]*exec.Cmd)[name] = cmd
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func background(ts *testscript.TestScript, name string) *exec.Cmd {
	cmd := ts.Value(programs{}).(map[string]*exec.Cmd)[name]
	if cmd == nil {
		ts.Fatalf("nothing was started as %s", name)
	}
	return cmd
}

func sees(ts *testscript.TestScript, _ bool, args []string) {
	background(ts, args[0])
	want := pattern(ts, args[1])
	await(ts, func() bool { return want.MatchString(ts.ReadFile(args[0] + ".out")) },
		func() { ts.Fatalf("no %q in the output\n%s", args[1], ts.ReadFile(args[0]+".out")) })
}

func ended(ts *testscript.TestScript, _ bool, args []string) {
	cmd := background(ts, args[1])
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // its error is the exit code
	ts.Logf("%s", ts.ReadFile(args[1]+".out"))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
