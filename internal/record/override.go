package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// The aspects of a node that an operator can set.
const (
	AspectStatus   = "status"
	AspectWeight   = "weight"
	aspectMetadata = "metadata:" // and the key, escaped as an id
	EveryAspect    = "*"         // to undo all
)

// MetadataAspect names the aspect of one key of the metadata.
func MetadataAspect(key string) string { return aspectMetadata + keys.EscapeID(key) }

// A Setting is one thing that an operator set on a node, or on all nodes of a service:
//
//	<aspect> <until, ms> <set, ms> <lease> <JSON>
//
// An override is its settings, one in each line.
type Setting struct {
	Aspect string    // as above; others may come from newer writers
	Until  time.Time // by Redis's clock; zero: no end
	Set    time.Time // by Redis's clock
	Lease  string    // that it is bound to; "": it stays
	Said   Said
}

// Said is the JSON of a setting.
type Said struct {
	// Value is a text for the status and for a key of the metadata, null to remove that key,
	// and a number for the weight.
	Value  any    `json:"value"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// statusUp is how the status up is written here. In a record it is left out.
const statusUp = "up"

// StatusSaid is the value of a status.
func StatusSaid(status string) string {
	if status == StatusUp {
		return statusUp
	}
	return status
}

// Encode returns the JSON. It fails with ErrMalformed where a text is not UTF-8, and with
// ErrTooLarge above MaxSaid.
func (s Said) Encode() ([]byte, error) {
	text, _ := s.Value.(string)
	if !utf8.ValidString(text) || !utf8.ValidString(s.By) || !utf8.ValidString(s.Reason) {
		return nil, fmt.Errorf("override: %w: not UTF-8", ErrMalformed)
	}
	b, err := compact(s)
	if err == nil && len(b) > MaxSaid {
		err = fmt.Errorf("override: %w: %d bytes, at most %d", ErrTooLarge, len(b), MaxSaid)
	}
	return b, err
}

// compact returns JSON in one line.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// MetadataKey returns the key that the setting is about, if it is about one.
func (s Setting) MetadataKey() (key string, ok bool) {
	escaped, ok := strings.CutPrefix(s.Aspect, aspectMetadata)
	if !ok {
		return "", false
	}
	key, err := keys.Unescape(escaped)
	return key, err == nil
}

// ParseOverride reads the settings of an override. Lines that it cannot read are left out:
// the node's own values are used there.
func ParseOverride(override string) (settings []Setting) {
	for line := range strings.Lines(override) {
		if s, ok := parseSetting(strings.TrimSuffix(line, "\n")); ok {
			settings = append(settings, s)
		}
	}
	return settings
}

func parseSetting(line string) (s Setting, ok bool) {
	until, lease, text, ok := conditions(line)
	if !ok || len(text) > MaxSaid || !utf8.ValidString(text) {
		return s, false
	}
	var f [3]string
	fields(line, f[:])
	set, ok := decimal(f[2], maxMicros/1000)
	if !ok || json.Unmarshal([]byte(text), &s.Said) != nil {
		return s, false
	}
	s.Aspect, s.Lease, s.Set = f[0], lease, time.UnixMilli(int64(set))
	if until > 0 {
		s.Until = time.UnixMilli(until)
	}
	return s, true
}

// conditions reads what a line depends on, and the text at its end.
func conditions(line string) (until int64, lease, text string, ok bool) {
	parts := strings.SplitN(line, " ", 5)
	if len(parts) < 5 {
		return 0, "", "", false
	}
	end, ok := decimal(parts[1], maxMicros/1000)
	if lease = parts[3]; lease == unknownLease {
		lease = ""
	}
	return int64(end), lease, parts[4], ok
}

// InForce returns the lines of an override that are in force for a lease at a time of
// Redis's clock.
func InForce(override, lease string, now time.Time) string {
	if override == "" {
		return ""
	}
	var left strings.Builder
	for line := range strings.Lines(override) {
		until, bound, _, ok := conditions(line)
		if ok && (bound == "" || bound == lease) && (until == 0 || until > now.UnixMilli()) {
			left.WriteString(line)
		}
	}
	if left.Len() == len(override) {
		return override // shared
	}
	return strings.TrimSuffix(left.String(), "\n")
}

// Laid returns what is in force for a node of a lease: what is set on all nodes, and then
// what is set on this one, which wins.
func Laid(all, own, lease string, now time.Time) string {
	all, own = InForce(all, lease, now), InForce(own, lease, now)
	if all == "" || own == "" {
		return all + own
	}
	return all + "\n" + own
}

// NextEnd returns the next end of a line of an override after now; zero where there is none.
func NextEnd(override string, now time.Time) (next time.Time) {
	first := int64(math.MaxInt64)
	after := max(0, now.UnixMilli()) // 0 is no end
	for line := range strings.Lines(override) {
		if until, _, _, ok := conditions(line); ok && until > after {
			first = min(first, until)
		}
	}
	if first == math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMilli(first)
}

// Lay returns n as operators want it seen: with the settings of an override that is in
// force. The metadata of the result is its own; what no override can change is shared with n.
func Lay(override string, n Node) Node {
	n.Metadata = maps.Clone(n.Metadata)
	for _, s := range ParseOverride(override) {
		s.apply(&n)
	}
	return n
}

func (s Setting) apply(n *Node) {
	text, isText := s.Said.Value.(string)
	key, isKey := s.MetadataKey()
	switch {
	case s.Aspect == AspectStatus && isText && text == statusUp:
		n.Status = StatusUp
	case s.Aspect == AspectStatus && isText:
		n.Status = text
	case s.Aspect == AspectWeight:
		if w, ok := s.Weight(); ok {
			n.Weight, _ = weight(w)
		}
	case isKey && s.Said.Value == nil:
		delete(n.Metadata, key)
	case isKey && isText && n.Metadata == nil:
		n.Metadata = map[string]string{key: text}
	case isKey && isText:
		n.Metadata[key] = text
	}
}

// Weight returns the weight that is set, as on the wire: 0 is no calls.
func (s Setting) Weight() (int, bool) {
	f, ok := s.Said.Value.(float64)
	w := int(f)
	if !ok || float64(w) != f {
		return 0, false
	}
	_, err := weight(w)
	return w, err == nil
}
