package discovery

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

// shopSnapshot has every field that a view may have.
func shopSnapshot() *snapshot {
	return &snapshot{
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
// snapshotVersion.
func TestSnapshotFormat(t *testing.T) {
	const want = "rollcall-snapshot 1 <sum>\n" +
		`{"namespace":"eu","service":"shop","saved":"2026-01-02T03:04:05.000000006Z","revision":7,"history":"h","services":[` +
		`{"Name":"shop","Version":"1","Namespace":"eu","Metadata":{"k":"v"},"Endpoints":[{"Name":"Add",` +
		`"Request":{"Name":"A","Type":"object","Values":[{"Name":"n","Type":"int","Values":null}]},"Response":null,"Metadata":{"k":"v"}}],` +
		`"Nodes":[{"ID":"a","Network":"unix","Address":"/a","Weight":3,"Zone":"z","Status":1,"Metadata":{"k":"v"}}],` +
		`"TTL":15000000000,"APIs":null}]}`
	data, err := shopSnapshot().encode()
	if err != nil {
		t.Fatal(err)
	}
	header, body, _ := strings.Cut(want, "\n")
	whole := fmt.Sprintf("%s %x\n%s", strings.TrimSuffix(header, " <sum>"), sha256.Sum256([]byte(body)), body)
	if diff := cmp.Diff(whole, string(data)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	back, err := decodeSnapshot(data, serviceName{"eu", "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shopSnapshot(), back); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// sealed is a file with this body and its checksum.
func sealed(body string) string {
	return fmt.Sprintf("rollcall-snapshot 1 %x\n%s", sha256.Sum256([]byte(body)), body)
}

func TestSnapshotRefuses(t *testing.T) {
	data, err := shopSnapshot().encode()
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
		"too large":            {strings.Repeat(" ", maxSnapshot+1), errTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := decodeSnapshot([]byte(tc.file), serviceName{"eu", "shop"})
			if !errors.Is(err, tc.want) || s != nil {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

// FuzzSnapshot feeds what may be on a disk, as it is and under a checksum that is
// right: it never panics, and what it takes can be used and written again.
func FuzzSnapshot(f *testing.F) {
	data, err := shopSnapshot().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	for _, body := range []string{
		`{}`, `null`, `[]`, `{"services":[{"Nodes":[{"Address":"a","Weight":9,"Metadata":null}]}]}`,
		`{"services":[{"Endpoints":[{"Request":{"Values":[null]}}]}]}`, `{"saved":"9999-12-31T23:59:59Z"}`,
		strings.Repeat(`{"services":[`, 1000),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range []string{text, sealed(text)} {
			s, err := decodeSnapshot([]byte(file), serviceName{"", ""})
			if err != nil {
				if !errors.Is(err, errForeign) && !errors.Is(err, errCorrupt) && !errors.Is(err, errTooLarge) {
					t.Errorf("no reason in %v", err)
				}
				continue
			}
			r := New(still{&registry.View{Services: s.Services, History: "h"}}, SlowStart(time.Second))
			v, err := r.Resolve(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range v.Nodes() {
				_ = v.ServiceOf(n)
			}
			_ = r.Close()
			again, err := s.encode()
			if err != nil {
				t.Fatalf("it is taken, and cannot be written: %v", err)
			}
			back, err := decodeSnapshot(again, serviceName{"", ""})
			if err != nil {
				t.Fatalf("it is written, and not taken: %v", err)
			}
			if third, _ := back.encode(); string(third) != string(again) {
				t.Errorf("%s\n%s", again, third)
			}
		}
	})
}

// Any name makes a name of a file, short, of plain bytes, and of one service only,
// also where A is a.
func TestSnapshotFile(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9._%@-]{1,130}$`)
	seen := map[string]serviceName{}
	for _, name := range []serviceName{
		{"", "shop"},
		{"", "Shop"},
		{"eu", "shop"},
		{"", "eu/shop"},
		{"", "eu@shop"},
		{"", "../../etc/passwd"},
		{"", ".."},
		{"", "."},
		{"", strings.Repeat("ü", 120)},
		{"", strings.Repeat("ü", 120) + "x"},
		{strings.Repeat("n", 255), strings.Repeat("s", 255)},
		{"", "con"},
		{"", "a b"},
		{"", "a%20b"},
		{"default", "shop"},
	} {
		file := snapshotFile(name)
		if !plain.MatchString(file) {
			t.Errorf("%v: %q", name, file)
		}
		if other, taken := seen[strings.ToLower(file)]; taken {
			t.Errorf("%v and %v share %s", name, other, file)
		}
		seen[strings.ToLower(file)] = name
	}
	if file := snapshotFile(serviceName{"eu", "shop"}); !strings.HasPrefix(file, "eu@shop-") {
		t.Errorf("%s is hard to find", file)
	}
}

// Close waits for the disk, but not for ever.
func TestDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Static(), SnapshotDir(t.TempDir()))
		on := make(chan struct{})
		r.disk.tasks.Go(func() { <-on })
		began := time.Now()
		if err := r.Close(); err == nil || time.Since(began) != closeWithin {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(on)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
