package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// FuzzYAML reads with the yaml library what toYAML writes.
func FuzzYAML(f *testing.F) {
	for _, s := range append(hostile, "", "yes", "No", "~", "1", "1e3", "0x1f", "0o7", "1_000", "12:30:45", "2026-01-02", "a: b", "a:b", "a #b", "- a", "-", "?", "<<", "*a", "&a", "!a", "@a", "%a", "a ", " a", "=", ".inf", "...", "---", "null", "'", `"`, `\`, "a\nb\n", "größe", "😀") {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		in := map[string]any{key: value, key + "x": []any{value, []any{value, []any{}}, map[string]any{}, map[string]any{key: []any{1, nil, true, 2.5, value}}}}
		text, err := encode([]any{in, value}, "")
		if err != nil {
			t.Fatal(err)
		}
		out, err := toYAML(text)
		if err != nil {
			t.Fatal(err)
		}
		if !safeForTerminal(string(out)) {
			t.Errorf("%q", out)
		}
		var want, got any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		again, err := encode(got, "")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", diff, out)
		}
	})
}

// BenchmarkYAML writes 10,000 nodes.
func BenchmarkYAML(b *testing.B) {
	var all []any
	for i := range 10_000 {
		all = append(all, map[string]any{
			"namespace": "default", "service": "shop", "id": fmt.Sprintf("10.0.0.%d:80", i), "status": "up", "weight": 10, "zone": "eu-1",
			"metadata": map[string]any{"team": "web", "n": fmt.Sprint(i)}, "since": "2026-11-28T13:07:32.123456Z", "ttl": "15s", "revision": i,
		})
	}
	text, err := encode(all, "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if out, err := toYAML(text); err != nil || !bytes.HasPrefix(out, []byte("- address")) && !bytes.HasPrefix(out, []byte("- id")) {
			b.Fatalf("%v %.20s", err, out)
		}
	}
}
