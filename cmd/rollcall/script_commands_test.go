package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-go/rollcall/internal/redistest"
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
	for _, v := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "ROLLCALL_REDIS_URL", "ROLLCALL_PREFIX", "ROLLCALL_MASTER", "ROLLCALL_CLUSTER", "ROLLCALL_CA"} {
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

// hostile writes what no registry would: a program that is not ours might.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	const bad = `\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e`
	service := args[0]
	register(ts, live{}, []string{service, "a", "ttl=60s", "x=\x1b[31mred\u009b1m"})
	client := ts.Value(theServer{}).(*redistest.Server).Client()
	ctx, prefix := context.Background(), ts.Getenv("KEYS")
	key := func(service, rest string) string { return prefix + ":{default/" + service + "}:" + rest }
	record := `{"version":"` + bad + `","address":"` + bad + `","zone":"` + bad + `","metadata":{"` + bad + `":"` + bad + `"},"ttl":60000,` +
		`"service":{"metadata":{"` + bad + `":"` + bad + `"},"endpoints":[{"name":"` + bad + `"}]}}`
	ts.Check(client.HSet(ctx, key(service, "node:a"), "data", record).Err())
	const name = "%1B%5B2J" // as a service, and as the ID of a node
	for _, of := range []string{"index", "version", "log"} {
		ts.Check(client.Copy(ctx, key(service, of), key(name, of), 0, true).Err())
	}
	ts.Check(client.Copy(ctx, key(service, "node:a"), key(name, "node:a"), 0, true).Err())
	ts.Check(client.Copy(ctx, key(service, "node:a"), key(service, "node:"+name), 0, true).Err())
	ends, err := client.ZScore(ctx, key(service, "index"), "a").Result()
	ts.Check(err)
	ts.Check(client.Do(ctx, "ZADD", key(service, "index"), int64(ends), name).Err())
	ts.Check(client.Do(ctx, "ZADD", prefix+":{default}:services", int64(ends), name+"/").Err())
}

func safe(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	for _, r := range out {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			ts.Fatalf("%q in the output: %q", r, out)
		}
	}
	if !pattern(ts, args[0]).MatchString(out) {
		ts.Fatalf("no %q in %q", args[0], out)
	}
}
