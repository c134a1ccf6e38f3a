package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// An Output is the value of the flag -o: how a command prints.
type Output struct {
	format string
	path   *jsonpath.Path
	list   bool // what is printed is a list, or a stream of what a list would hold
}

// OutputFlag defines the flag -o of a command that prints a list, at once or as a stream.
func OutputFlag(cmd *cobra.Command) *Output {
	return (&Output{format: "table", list: true}).flag(cmd, "$[*].id")
}

// OutputFlagOfOne defines the flag -o of a command that prints one object.
func OutputFlagOfOne(cmd *cobra.Command) *Output {
	return (&Output{format: "table"}).flag(cmd, "$.namespace")
}

func (o *Output) flag(cmd *cobra.Command, example string) *Output {
	cmd.Flags().VarP(o, "output", "o", "table, wide, json, yaml or jsonpath=EXPRESSION (RFC 9535), such as jsonpath='"+example+"'")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{"table", "wide", "json", "yaml", "jsonpath="}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)))
	return o
}

// Set takes the name of a format.
func (o *Output) Set(s string) error {
	format, expression, ok := strings.Cut(s, "=")
	switch {
	case format == "jsonpath" && ok:
		if !strings.HasPrefix(expression, "$") {
			expression = "$" + expression
		}
		path, err := jsonpath.Parse(expression)
		if err != nil {
			return fmt.Errorf("%w; an expression looks like $[*].id", err)
		}
		if o.list && named(path) {
			return fmt.Errorf("%s finds nothing in a list; write $[*]%s", path, strings.TrimPrefix(path.String(), "$"))
		}
		o.path = path
	case ok || format != "table" && format != "wide" && format != "json" && format != "yaml":
		return fmt.Errorf("%q is no output; there are table, wide, json, yaml and jsonpath=EXPRESSION", s)
	}
	o.format = format
	return nil
}

// named reports whether a path begins with names of fields alone, which no list has.
func named(path *jsonpath.Path) bool {
	segments := path.Query().Segments()
	if len(segments) == 0 || segments[0].IsDescendant() {
		return false
	}
	return !slices.ContainsFunc(segments[0].Selectors(), func(s spec.Selector) bool {
		_, isName := s.(spec.Name)
		return !isName
	})
}

// String returns the name of the format.
func (o *Output) String() string {
	if o.path != nil {
		return o.format + "=" + o.path.String()
	}
	return o.format
}

// Type is shown in the help.
func (o *Output) Type() string { return "format" }

// Table reports whether the output is for people: table or wide.
func (o *Output) Table() bool { return o.format == "table" || o.format == "wide" }

// Wide reports whether a table has all columns.
func (o *Output) Wide() bool { return o.format == "wide" }

// Write writes a value as JSON, YAML, or what the JSONPath selects. It is not for tables.
func (o *Output) Write(w io.Writer, value any) error { return o.write(w, value, "  ") }

// WriteLine writes a value of many that follow one another: JSON in a line of its own,
// YAML as a document of its own. For a JSONPath it is a list of one, so that an expression
// means the same as for all of them together.
func (o *Output) WriteLine(w io.Writer, value any) error {
	if o.path != nil {
		value = []any{value}
	}
	if o.format == "yaml" {
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
	}
	return o.write(w, value, "")
}

func (o *Output) write(w io.Writer, value any, indent string) error {
	text, err := encode(value, indent)
	if err != nil {
		return err
	}
	switch o.format {
	case "json":
		text = escaped(text, "")
	case "yaml":
		text, err = toYAML(text)
	default:
		text, err = o.selected(text)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// encode returns a value as JSON and the end of a line. It leaves <, > and & as they are.
func encode(value any, indent string) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return text.Bytes(), err
}

// selected returns what the path finds, one in a line: strings as they are, everything
// else as JSON.
func (o *Output) selected(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	var lines []byte
	for _, found := range o.path.Select(value) {
		if s, ok := found.(string); ok {
			lines = append(append(lines, Text(s)...), '\n')
			continue
		}
		line, err := encode(found, "")
		if err != nil {
			return nil, err
		}
		lines = append(lines, escaped(line, "")...)
	}
	return lines, nil
}
