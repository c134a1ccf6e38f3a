package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"
)

// A field is a known field of a JSON object: its name, and a pointer to its
// value.
type field struct {
	name  string
	value any
}

// split decodes an object of at most limit bytes into its known fields and
// returns the others. Names match exactly, which encoding/json by itself does
// not ask for; of two fields of one name the last one counts.
func split(data []byte, known []field, limit int) (map[string]json.RawMessage, error) {
	if len(data) > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), limit)
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if object == nil {
		return nil, fmt.Errorf("%w: null, want an object", ErrMalformed)
	}
	for _, f := range known {
		raw, ok := object[f.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, f.value); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, f.name, err)
		}
		delete(object, f.name)
	}
	if len(object) == 0 {
		return nil, nil
	}
	return object, nil
}

// join undoes split: the known fields in their order, without those that are
// empty, then the others by name.
func join(known []field, others map[string]json.RawMessage, limit int) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, f := range known {
		if _, ok := others[f.name]; ok {
			return nil, fmt.Errorf("%w: extra field %q has a known name", ErrMalformed, f.name)
		}
		v := reflect.ValueOf(f.value).Elem()
		if v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0 {
			continue
		}
		if err := add(&b, enc, f.name, v); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := add(&b, enc, name, reflect.ValueOf(others[name])); err != nil {
			return nil, err
		}
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	if b.Len() > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, b.Len(), limit)
	}
	return b.Bytes(), nil
}

// add appends a field to an object that is not closed yet. What enc, which
// writes to b, encodes, it ends with a newline.
func add(b *bytes.Buffer, enc *json.Encoder, name string, value reflect.Value) error {
	if !utf8.ValidString(name) || !isUTF8(value) {
		return fmt.Errorf("%w: %.64q: not UTF-8", ErrMalformed, name)
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	} else {
		b.WriteByte(',')
	}
	err := enc.Encode(name)
	if err == nil {
		b.Bytes()[b.Len()-1] = ':'
		err = enc.Encode(value.Interface())
	}
	if err != nil {
		return fmt.Errorf("%w: %.64q: %w", ErrMalformed, name, err)
	}
	b.Truncate(b.Len() - len("\n"))
	return nil
}

// isUTF8 reports whether all text in v is UTF-8. JSON holds nothing else: its
// encoder would put U+FFFD in place of such bytes, and two names could become
// one.
func isUTF8(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer:
		return v.IsNil() || isUTF8(v.Elem())
	case reflect.Slice:
		if raw, ok := v.Interface().(json.RawMessage); ok {
			return utf8.Valid(raw)
		}
		for i := range v.Len() {
			if !isUTF8(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isUTF8(v.Field(i)) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !isUTF8(it.Key()) || !isUTF8(it.Value()) {
				return false
			}
		}
	}
	return true
}
