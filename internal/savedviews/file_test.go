package savedviews

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

func named(namespace, service string) listed.Name {
	return listed.Name{Namespace: namespace, Service: service}
}

// shopFile has every field that a view may have.
func shopFile() *File {
	return &File{
		Namespace: "eu", Service: "shop", Saved: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Revision: 7, History: "h",
		Services: []*registry.Service{{
			Name: "shop", Version: "1", Namespace: "eu", Metadata: map[string]string{"k": "v"}, TTL: 15 * time.Second,
			Endpoints: []*registry.Endpoint{{
				Name: "Add", Request: &registry.Value{Name: "A", Type: "object", Values: []*registry.Value{{Name: "n", Type: "int"}}},
				Metadata: map[string]string{"k": "v"},
			}},
			Nodes: []*registry.Node{{
				ID: "a", Network: "unix", Address: "/a", Weight: 3, Zone: "z", Status: registry.Draining, Metadata: map[string]string{"k": "v"},
			}},
		}},
	}
}

// The format is what earlier versions have written: who changes it changes
// formatVersion.
func TestFormat(t *testing.T) {
	const want = "rollcall-snapshot 1 <sum>\n" +
		`{"namespace":"eu","service":"shop","saved":"2026-01-02T03:04:05.000000006Z","revision":7,"history":"h","services":[` +
		`{"Name":"shop","Version":"1","Namespace":"eu","Metadata":{"k":"v"},"Endpoints":[{"Name":"Add",` +
		`"Request":{"Name":"A","Type":"object","Values":[{"Name":"n","Type":"int","Values":null}]},"Response":null,"Metadata":{"k":"v"}}],` +
		`"Nodes":[{"ID":"a","Network":"unix","Address":"/a","Weight":3,"Zone":"z","Status":1,"Metadata":{"k":"v"}}],` +
		`"TTL":15000000000,"APIs":null}]}`
	data, err := shopFile().encode()
	if err != nil {
		t.Fatal(err)
	}
	header, body, _ := strings.Cut(want, "\n")
	whole := fmt.Sprintf("%s %x\n%s", strings.TrimSuffix(header, " <sum>"), sha256.Sum256([]byte(body)), body)
	if diff := cmp.Diff(whole, string(data)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	back, err := decode(data, named("eu", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shopFile(), back); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// sealed is a file with this body and its checksum.
func sealed(body string) string {
	return fmt.Sprintf("rollcall-snapshot 1 %x\n%s", sha256.Sum256([]byte(body)), body)
}

func TestDecodeRefuses(t *testing.T) {
	data, err := shopFile().encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	_, body, _ := strings.Cut(good, "\n")
	in := func(services string) string {
		return sealed(`{"namespace":"eu","service":"shop","services":[` + services + `]}`)
	}
	for name, tc := range map[string]struct {
		file string
		want error
	}{
		"empty":                {"", errForeign},
		"of another program":   {"#!/bin/sh\nrm -rf /", errForeign},
		"of another version":   {strings.Replace(good, "snapshot 1", "snapshot 2", 1), errForeign},
		"no checksum":          {"rollcall-snapshot 1\n" + body, errCorrupt},
		"the magic alone":      {"rollcall-snapshot", errCorrupt},
		"more in the header":   {strings.Replace(good, "\n", " x\n", 1), errCorrupt},
		"cut":                  {good[:len(good)-1], errCorrupt},
		"cut in the header":    {good[:30], errCorrupt},
		"longer":               {good + "\n", errCorrupt},
		"a flipped bit":        {strings.Replace(good, `"Weight":3`, `"Weight":2`, 1), errCorrupt},
		"no JSON":              {sealed("x"), errCorrupt},
		"two values":           {sealed(body + "{}"), errCorrupt},
		"another type":         {sealed(strings.Replace(body, `"revision":7`, `"revision":"7"`, 1)), errCorrupt},
		"of another service":   {sealed(strings.Replace(body, `"service":"shop"`, `"service":"store"`, 1)), errForeign},
		"of another namespace": {sealed(strings.Replace(body, `"namespace":"eu"`, `"namespace":""`, 1)), errForeign},
		"null":                 {sealed("null"), errForeign},
		"a nil version":        {in("null"), errCorrupt},
		"a nil node":           {in(`{"Nodes":[null]}`), errCorrupt},
		"no address":           {in(`{"Nodes":[{"ID":"a"}]}`), errCorrupt},
		"a nil endpoint":       {in(`{"Endpoints":[null]}`), errCorrupt},
		"a nil value":          {in(`{"Endpoints":[{"Request":{"Values":[{"Values":[null]}]}}]}`), errCorrupt},
		"too large":            {strings.Repeat(" ", maxSize+1), errTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := decode([]byte(tc.file), named("eu", "shop"))
			if !errors.Is(err, tc.want) || s != nil {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

// Any name makes a name of a file, short, of plain bytes, and of one service only,
// also where A is a.
func TestFileName(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9._%@-]{1,130}$`)
	seen := map[string]listed.Name{}
	for _, name := range []listed.Name{
		named("", "shop"),
		named("", "Shop"),
		named("eu", "shop"),
		named("", "eu/shop"),
		named("", "eu@shop"),
		named("", "../../etc/passwd"),
		named("", ".."),
		named("", "."),
		named("", strings.Repeat("ü", 120)),
		named("", strings.Repeat("ü", 120)+"x"),
		named(strings.Repeat("n", 255), strings.Repeat("s", 255)),
		named("", "con"),
		named("", "a b"),
		named("", "a%20b"),
		named("default", "shop"),
	} {
		file := fileName(name)
		if !plain.MatchString(file) {
			t.Errorf("%v: %q", name, file)
		}
		if other, taken := seen[strings.ToLower(file)]; taken {
			t.Errorf("%v and %v share %s", name, other, file)
		}
		seen[strings.ToLower(file)] = name
	}
	if file := fileName(named("eu", "shop")); !strings.HasPrefix(file, "eu@shop-") {
		t.Errorf("%s is hard to find", file)
	}
}
