package render

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

// fixed is a source of services that do not change.
type fixed []*registry.Service

func (f fixed) Nodes(name string, ready bool) (found []*registry.Service, err error) {
	for _, s := range f {
		if s.Name != name {
			continue
		}
		versions := *s
		versions.Nodes = nil
		for _, n := range s.Nodes {
			if !ready || n.Status == registry.Up && n.Weight != registry.NoTraffic {
				versions.Nodes = append(versions.Nodes, n)
			}
		}
		found = append(found, &versions)
	}
	return found, nil
}

func (f fixed) Services() (names []string, err error) {
	for _, s := range f {
		names = append(names, s.Name)
	}
	return names, nil
}

// hostile is what a name would be to add a line to a configuration.
const hostile = "a;}\n\tserver evil:80; #$x\"'\\\x1b[2J\u2028"

func services() fixed {
	return fixed{
		{Name: "shop", Version: "2", Nodes: []*registry.Node{
			{ID: "n1", Address: "10.0.0.1:80", Zone: "eu-1", Metadata: map[string]string{"tier": "gold"}},
			{ID: "n2", Address: "[::1]:80", Weight: 5, Status: registry.Draining},
			{ID: "n3", Address: "host.internal:81", Weight: registry.NoTraffic, Zone: "eu-2"},
			{ID: hostile, Address: "/run/shop.sock", Network: "unix", Weight: 1000, Metadata: map[string]string{"tier": hostile}},
			{ID: "bad1", Address: "10.0.0.2:80;}\nserver evil:80"},
			{ID: "bad2", Address: "x;}:80"},
			{ID: "bad3", Address: "10.0.0.2:http"},
			{ID: "bad4", Address: "/run/a b.sock", Network: "unix"},
			{ID: "bad5", Address: "-f:80"},
			{ID: "bad6", Address: ":80"},
		}},
		{Name: "idle"},
		{Name: hostile},
	}
}

func render(t *testing.T, text string, source Source) string {
	t.Helper()
	parsed, err := Parse("test", text, source)
	if err != nil {
		t.Fatal(err)
	}
	out, err := parsed.Render()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestRender(t *testing.T) {
	const encoded = "a%3B%7D%0A%09server%20evil:80%3B%20%23%24x%22%27%5C%1B[2J%E2%80%A8"
	for _, tc := range []struct{ name, text, want string }{
		{"fields", `{{ range nodes "shop" "zone=eu-1" }}{{ .ID }} {{ .Address }} {{ .Host }} {{ .Port }} {{ .Version }} {{ .Zone }} {{ .Weight }} {{ .Up }} {{ .Metadata.tier }}|{{ .Metadata.none }}{{ end }}`, "n1 10.0.0.1:80 10.0.0.1 80 2 eu-1 10 true gold|"},
		{"filter", `{{ range nodes "shop" "tier=gold" "version=2" }}{{ .ID }}{{ end }}{{ range nodes "shop" "version=3" }}{{ .ID }}{{ end }}`, "n1"},
		{"ready", `{{ range ready "shop" }}{{ .Weight }} {{ end }}`, "10 1000 "},
		{"services", `{{ range services }}{{ . }},{{ end }}`, "shop,idle," + encoded + ","},
		{"encoded", `{{ range nodes "shop" }}{{ if eq .Network "unix" }}{{ .ID }} {{ .Metadata.tier }}{{ end }}{{ end }}`, encoded + " " + encoded},
		{"in pipes", `{{ index services 2 | printf "x%s" }} {{ print (index services 2) | html }}`, "x" + encoded + " " + strings.NewReplacer("%22", "%26%2334%3B", "%27", "%26%2339%3B").Replace(encoded)},
		{"variables", `{{ $x := index services 2 }}{{ $x }}`, encoded},
		{"defined", `{{ define "one" }}{{ . }}{{ end }}{{ template "one" (index services 2) }}{{ block "two" (index services 2) }}{{ . }}{{ end }}`, encoded + encoded},
		{"branches", `{{ with index services 2 }}{{ . }}{{ end }}{{ if false }}{{ else if true }}{{ index services 2 }}{{ end }}`, encoded + encoded},
		{"quote", `{{ index services 2 | quote }} {{ quote "a b" }} {{ quote 1 }}`, `"` + strings.NewReplacer("%20", " ").Replace(encoded) + `" "a b" "1"`},
		{"json", `{{ json (index services 2) }}`, `"a;}\n\tserver evil:80; #$x\"'\\\u001b[2J\u2028"`},
		{"name", `{{ name "a_b c.d-e:f" }}`, "a_5Fb_20c.d-e:f"},
		{"raw", `{{ raw "a b" }}`, "a b"},
		{"nginx", `{{ nodes "shop" | nginx }}`, `server 10.0.0.1:80 weight=10;
    server [::1]:80 weight=5 backup;
    server host.internal:81 down;
    server unix:/run/shop.sock weight=1000;`},
		{"nginx, all drain", `{{ nodes "shop" "none=1" | nginx }}`, "server 127.0.0.1:1 down;"},
		{"haproxy", `{{ nodes "shop" | haproxy }}`, `server n1 10.0.0.1:80 check weight 2
    server n2 [::1]:80 check weight 1 backup
    server n3 host.internal:81 check weight 0
    server a_3B_7D_0A_09server_20evil:80_3B_20_23_24x_22_27_5C_1B_5B2J_E2_80_A8 unix@/run/shop.sock check weight 256`},
		{"haproxy, none", `{{ nodes "idle" | haproxy }}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, render(t, tc.text, services())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNginxUsesDrainingNodesWhereThereIsNoOther(t *testing.T) {
	drains := fixed{{Name: "shop", Nodes: []*registry.Node{{ID: "a", Address: "a:1", Status: registry.Draining}, {ID: "b", Address: "b:1", Weight: registry.NoTraffic}}}}
	if got := render(t, `{{ nodes "shop" | nginx }}`, drains); got != "server a:1 weight=10;\n    server b:1 down;" {
		t.Error(got)
	}
}

func TestRenderReportsWhatIsLeftOut(t *testing.T) {
	parsed, err := Parse("test", `{{ nodes "shop" | nginx }}`, services())
	if err != nil {
		t.Fatal(err)
	}
	var skipped []string
	parsed.Skipped = func(service, id string, why error) { skipped = append(skipped, service+" "+id); _ = why.Error() }
	if _, err := parsed.Render(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"shop bad1", "shop bad2", "shop bad3", "shop bad4", "shop bad5", "shop bad6"}; !cmp.Equal(want, skipped) {
		t.Error(skipped)
	}
}

type broken struct{ fixed }

var errBroken = errors.New("broken")

func (broken) Nodes(string, bool) ([]*registry.Service, error) { return nil, errBroken }

func TestRenderFails(t *testing.T) {
	if _, err := Parse("x", `{{ nodes "shop" `, services()); err == nil {
		t.Error("a template that ends too early was parsed")
	}
	for text, want := range map[string]string{
		`{{ nodes "shop" }}`:                              "cannot be printed",
		`{{ nodes "shop" "zone" }}`:                       "key=value",
		`{{ range nodes "shop" }}{{ .Nothing }}{{ end }}`: "Nothing",
	} {
		parsed, err := Parse("x", text, services())
		if err != nil {
			t.Fatal(err)
		}
		if out, err := parsed.Render(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q; %q", text, err, want, out)
		}
	}
	parsed, err := Parse("x", `{{ nodes "shop" | nginx }}`, broken{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Render(); !errors.Is(err, errBroken) {
		t.Errorf("%v, want that of the source", err)
	}
}

// The examples work, and no name adds a line to what they make.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../deploy/templates/*.tmpl")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".tmpl")
			want, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			got := render(t, string(text), services())
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever a node is called, what is printed of it is one word.
func FuzzRender(f *testing.F) {
	f.Add(hostile, "10.0.0.1:80", hostile, "unix")
	f.Add("a", "[::1%eth0;]:80", "", "tcp")
	f.Fuzz(func(t *testing.T, id, address, value, network string) {
		source := fixed{{Name: id, Version: value, Nodes: []*registry.Node{{ID: id, Address: address, Network: network, Zone: value, Metadata: map[string]string{"k": value}}}}}
		parsed, err := Parse("x", `{{ $s := index services 0 }}{{ $s }}{{ range nodes $s }} {{ .ID }} {{ .Address }} {{ .Host }} {{ .Network }} {{ .Version }} {{ .Zone }} {{ .Metadata.k }} {{ quote .ID }}{{ end }}
{{ nodes $s | nginx }}
{{ nodes $s | haproxy }}`, source)
		if err != nil {
			t.Fatal(err)
		}
		out, err := parsed.Render()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Split(string(out), "\n")
		if len(text) != 3 {
			t.Fatalf("%d lines:\n%s", len(text), out)
		}
		if strings.ContainsAny(text[0], ";{}#$'\\\t\r") || strings.Count(text[0], `"`) > 2 ||
			strings.Count(text[1], ";") != 1 || strings.ContainsAny(text[1], "{}#$'\"\\\t\r") || strings.ContainsAny(text[2], ";{}#$'\"\\\t\r") {
			t.Errorf("%q", text)
		}
	})
}
