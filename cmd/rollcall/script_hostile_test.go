package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Each command is in the script of hostile names.
func TestEveryCommandIsTriedWithHostileNames(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/script/hostile.txtar")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	var walk func(words ...string)
	walk = func(words ...string) {
		out, err := exec.Command(binary, append(append([]string{"__complete", "help"}, words...), "")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		subs := strings.Fields(string(out))
		subs = subs[:len(subs)-1] // :4, what the shell is to do
		for _, sub := range subs {
			walk(append(words[:len(words):len(words)], sub)...)
		}
		if path := strings.Join(append([]string{"rollcall"}, words...), " "); len(subs) == 0 {
			found++
			if !strings.Contains(string(script), path+" ") && !strings.Contains(string(script), path+"\n") {
				t.Errorf("testdata/script/hostile.txtar does not try %s", path)
			}
		}
	}
	walk()
	if found < 30 {
		t.Errorf("there are %d commands", found)
	}
}

// valid wants the last output to be JSON, a line of it for each change, or YAML.
func valid(ts *testscript.TestScript, _ bool, args []string) {
	out := []byte(ts.ReadFile("stdout"))
	var value any
	if args[0] == "json" {
		ts.Check(json.Unmarshal(out, &value))
	} else {
		ts.Check(yaml.Unmarshal(out, &value))
	}
}

// whatever runs a command, whose exit code does not matter.
func whatever(ts *testscript.TestScript, _ bool, args []string) { _ = ts.Exec(args[0], args[1:]...) }

// hostile writes what no registry would: a program that is not ours might.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	const bad = `\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e`
	service := args[0]
	register(ts, live{}, []string{service, "a", "ttl=60s", "x=\x1b[31mred\u009b1m"})
	status := registry.Draining
	ts.Check(ts.Value(live{}).(*registry.Redis).Operator("BY").Set(context.Background(), service, "a", registry.Override{Status: &status, Reason: "REASON", Stay: true}))
	client := ts.Value(theServer{}).(*redistest.Server).Client()
	ctx, prefix := context.Background(), ts.Getenv("KEYS")
	key := func(service, rest string) string { return prefix + ":{default/" + service + "}:" + rest }
	record := `{"version":"` + bad + `","address":"` + bad + `","zone":"` + bad + `","metadata":{"` + bad + `":"` + bad + `"},"ttl":60000,` +
		`"service":{"metadata":{"` + bad + `":"` + bad + `"},"endpoints":[{"name":"` + bad + `"}]}}`
	ts.Check(client.HSet(ctx, key(service, "node:a"), "data", record).Err())
	said := strings.NewReplacer(`"BY"`, `"`+bad+`"`, `"REASON"`, `"`+bad+`"`)
	set, err := client.HGetAll(ctx, key(service, "override")).Result()
	ts.Check(err)
	for field, value := range set {
		ts.Check(client.HSet(ctx, key(service, "override"), field, said.Replace(value)).Err())
	}
	changes, err := client.LRange(ctx, key(service, "log"), 0, -1).Result()
	ts.Check(err)
	for i, change := range changes {
		ts.Check(client.LSet(ctx, key(service, "log"), int64(i), said.Replace(change)).Err())
	}
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
	ts.Check(client.Do(ctx, "ZADD", prefix+":namespaces", int64(ends), name).Err())
}

func safe(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	if len(args) > 1 {
		out = ts.ReadFile(args[1] + ".out")
	}
	for _, r := range out {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			ts.Fatalf("%q in the output: %q", r, out)
		}
	}
	if !pattern(ts, args[0]).MatchString(out) {
		ts.Fatalf("no %q in %q", args[0], out)
	}
}
