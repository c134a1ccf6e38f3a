package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// hostile are names that would do something to a terminal or to a reader.
var hostile = []string{
	"\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;cHduZWQ=\x07", "a\rb", "a\nb", "a\tb", "a\bb", "\x7f",
	"\u009b2J", "\u202egnp.exe", "\u200bzero", "\xff\xfe", "\xc2", "\x9b31m", "\u2028", "\U000e0041tag", "\u00a0",
}

func safeForTerminal(s string) bool {
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "shop": "shop", "10.0.0.1:80": "10.0.0.1:80", "größe 商店": "größe 商店",
		"\x1b[2J": `"\x1b[2J"`, `"quoted"`: `"\"quoted\""`, "\xff": `"\xff"`, "\u202ex": `"\u202ex"`,
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestHostileTextIsShownByEveryOutput(t *testing.T) {
	type item struct {
		Name string            `json:"name"`
		Tags map[string]string `json:"tags"`
	}
	columns := []Column[item]{
		{Name: "NAME", Cell: func(i item) string { return i.Name }},
		{Name: "TAG", Cell: func(i item) string { return i.Tags[i.Name] }},
	}
	for _, name := range hostile {
		want := item{name, map[string]string{name: name}}
		for _, format := range []string{"table", "wide", "json", "yaml", "jsonpath=$..*"} {
			var output Output
			if err := output.Set(format); err != nil {
				t.Fatal(err)
			}
			var all, more bytes.Buffer
			if err := NewPrinter(&all, &output, columns).All([]item{want}); err != nil {
				t.Fatal(err)
			}
			if err := NewPrinter(&more, &output, columns).More(want); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{all.String(), more.String()} {
				if !safeForTerminal(text) {
					t.Errorf("%s of %q is %q", format, name, text)
				}
			}
			if !cmp.Equal(strings.ToValidUTF8(name, ""), name) {
				continue // JSON has no way to write it
			}
			var got []item
			switch format {
			case "json":
				if err := json.Unmarshal(all.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
			case "yaml":
				if err := yaml.Unmarshal(all.Bytes(), &got); err != nil {
					t.Fatalf("%v\n%s", err, &all)
				}
			default:
				continue
			}
			if diff := cmp.Diff([]item{want}, got); diff != "" {
				t.Errorf("%s changes %q:\n%s", format, name, diff)
			}
		}
	}
}

func TestGuard(t *testing.T) {
	for in, want := range map[string]string{
		"plain\tand\nlines\n": "plain\tand\nlines\n",
		"\x1b[31mred":         `\x1b[31mred`,
		"größe":               "größe",
		"\xff|":               `\xff|`,
		"\u009b1m":            `\u009b1m`,
	} {
		var whole, bytewise bytes.Buffer
		if n, err := guarded(&whole).Write([]byte(in)); n != len(in) || err != nil {
			t.Error(n, err)
		}
		g := guarded(&bytewise)
		for i := range len(in) {
			if n, err := g.Write([]byte{in[i]}); n != 1 || err != nil {
				t.Error(n, err)
			}
		}
		if whole.String() != want || bytewise.String() != want {
			t.Errorf("%q became %q, and %q byte by byte; want %q", in, &whole, &bytewise, want)
		}
	}
}

func TestYAMLIsTheSameAsJSON(t *testing.T) {
	value := map[string]any{
		"text": "a: b", "yes": "true", "no": "null", "number": "12", "float": "1e3", "empty": "", "date": "2026-01-02", "tilde": "~",
		"int": 12, "real": 1.5, "big": 1 << 53, "true": true, "nil": nil, "list": []any{}, "object": map[string]any{},
		"lines": "a\nb\n", "spaces": "  a ", "deep": []any{[]any{1, map[string]any{"a": []any{"x"}}}}, "- a": "# no comment", "<<": "*alias",
	}
	text, err := encode(value, "")
	if err != nil {
		t.Fatal(err)
	}
	out, err := toYAML(text)
	if err != nil {
		t.Fatal(err)
	}
	var fromYAML, fromJSON any
	if err := yaml.Unmarshal(out, &fromYAML); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again, err := encode(fromYAML, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("%s\n%s", diff, out)
	}
}
