package cli

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// toYAML returns JSON as YAML, with its fields in the same order. It writes the little of YAML
// that JSON needs: the emitter of the yaml library takes several times as long, which is seconds
// for 10,000 nodes. In the tests the library reads what this writes.
func toYAML(text []byte) ([]byte, error) {
	w := yamlWriter{decoder: json.NewDecoder(bytes.NewReader(text))}
	w.decoder.UseNumber()
	if err := w.value(0, ""); err != nil {
		return nil, err
	}
	return escaped(bytes.TrimPrefix(w.out.Bytes(), []byte(" ")), `\U%08x`), nil
}

// A yamlWriter turns the tokens of JSON into lines of YAML.
type yamlWriter struct {
	decoder *json.Decoder
	out     bytes.Buffer
}

// value writes the next value, and the end of the line. Between what its line holds already and
// the first item of a list or an object comes gap: nothing, a space, or the end of the line.
func (w *yamlWriter) value(indent int, gap string) error {
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	switch {
	case !nested:
		w.out.WriteString(" " + scalar(token) + "\n")
		return nil
	case !w.decoder.More() && open == '[':
		w.out.WriteString(" []\n")
	case !w.decoder.More():
		w.out.WriteString(" {}\n")
	default:
		w.out.WriteString(gap)
		if err := w.items(indent, open == '[', gap == " "); err != nil {
			return err
		}
	}
	_, err = w.decoder.Token() // the end of the list or the object
	return err
}

// items writes the items of a list or an object. With inLine, the first goes on in its line.
func (w *yamlWriter) items(indent int, list, inLine bool) error {
	for w.decoder.More() {
		if !inLine {
			w.out.WriteString(strings.Repeat(" ", indent))
		}
		inLine = false
		lead, gap := "-", " "
		if !list {
			key, err := w.decoder.Token()
			if err != nil {
				return err
			}
			lead, gap = scalar(key)+":", "\n"
		}
		w.out.WriteString(lead)
		if err := w.value(indent+2, gap); err != nil {
			return err
		}
	}
	return nil
}

// plain are texts without quotes: each word begins with a letter or a slash, or follows one
// that does, and holds nothing that YAML reads as anything but text.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*(?: [A-Za-z0-9_./@+-]+)*$`)

// notText are the words that YAML 1.1 or 1.2 reads as a boolean or as null.
var notText = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true, "null": true}

// scalar returns what is neither a list nor an object: a string in the quotes of JSON, unless
// it is plain.
func scalar(token json.Token) string {
	if s, ok := token.(string); ok && plain.MatchString(s) && !notText[strings.ToLower(s)] {
		return s
	}
	text, _ := encode(token, "") // a token is always JSON
	return strings.TrimSuffix(string(text), "\n")
}
