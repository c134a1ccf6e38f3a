package cli

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// toYAML returns JSON as YAML, with its fields in the same order. Strings with characters
// that cannot be printed are in double quotes, with escape sequences.
func toYAML(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	node, err := yamlNode(decoder)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return escaped(out.Bytes(), `\U%08x`), nil
}

// yamlNode reads the next value. The parser of the yaml library would read JSON as well, in
// several times as long.
func yamlNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch t := token.(type) {
	case json.Delim:
		node.Kind = yaml.MappingNode
		if t == '[' {
			node.Kind = yaml.SequenceNode
		}
		for decoder.More() {
			child, err := yamlNode(decoder)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = decoder.Token() // its end
	case string:
		node.SetString(t)
		if node.Style = 0; !printable(t) {
			node.Style = yaml.DoubleQuotedStyle
		}
	case nil:
		node.Tag, node.Value = "!!null", "null"
	default: // a number or a boolean
		node.Value = fmt.Sprint(t)
	}
	return node, err
}
