package cli

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// toYAML returns JSON as YAML, with its fields in the same order. Strings with characters
// that cannot be printed are in double quotes, with escape sequences.
func toYAML(text []byte) ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(escaped(text, `\U%08x`), &node); err != nil {
		return nil, err
	}
	restyle(&node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return nil, err
	}
	return escaped(out.Bytes(), `\U%08x`), nil
}

// restyle takes away the quotes and brackets of JSON.
func restyle(node *yaml.Node) {
	node.Style = 0
	if node.Kind == yaml.ScalarNode && !printable(node.Value) {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		restyle(child)
	}
}
