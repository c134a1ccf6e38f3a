package savedviews

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// A File is what is saved of a service: a header line
//
//	rollcall-snapshot 1 <sha256 of the rest, hex>
//
// and after it one JSON object, the fields of this struct.
type File struct {
	Namespace string              `json:"namespace"` // as a caller named it: "" is that of the source
	Service   string              `json:"service"`
	Saved     time.Time           `json:"saved"` // when it was last known to be so
	Revision  uint64              `json:"revision"`
	History   string              `json:"history"`
	Services  []*registry.Service `json:"services"` // as a view listed them, without APIs
}

const (
	magic         = "rollcall-snapshot"
	formatVersion = "1"

	// maxSize is the size of the largest file that is written and read, in bytes: 10,000
	// nodes take some 3 MB.
	maxSize   = 64 << 20
	maxHeader = 100
)

// Why a file cannot be used for a service.
var (
	errForeign  = errors.New("it is of another kind")
	errCorrupt  = errors.New("it is damaged")
	errTooLarge = errors.New("it is too large")
)

// encode returns the bytes of the file.
func (s *File) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(body) > maxSize-maxHeader {
		return nil, errTooLarge
	}
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s %s %x\n%s", magic, formatVersion, sum, body), nil
}

// decode reads the file of a service.
func decode(data []byte, name listed.Name) (*File, error) {
	if len(data) > maxSize {
		return nil, errTooLarge
	}
	header, body, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Split(string(header), " ")
	switch {
	case fields[0] != magic:
		return nil, errForeign
	case len(fields) > 1 && fields[1] != formatVersion:
		return nil, fmt.Errorf("%w: its format is %.20q, not %s", errForeign, fields[1], formatVersion)
	}
	sum := sha256.Sum256(body)
	if len(fields) != 3 || fields[2] != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its checksum differs", errCorrupt)
	}
	s := &File{}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if found := (listed.Name{Namespace: s.Namespace, Service: s.Service}); found != name {
		return nil, fmt.Errorf("%w: it is that of %q in %q", errForeign, s.Service, s.Namespace)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// check refuses what no view has, and what would make a reader of the view panic.
func (s *File) check() error {
	for i, version := range s.Services {
		field := fmt.Sprintf("services[%d]", i)
		if version == nil {
			return fmt.Errorf("%w: %s is nil", errCorrupt, field)
		}
		version.APIs = nil // no view has them
		for j, n := range version.Nodes {
			if err := listed.CheckNode(fmt.Sprintf("%s.Nodes[%d]", field, j), n); err != nil {
				return fmt.Errorf("%w: %w", errCorrupt, err)
			}
		}
		for _, e := range version.Endpoints {
			if e == nil || !complete(e.Request) || !complete(e.Response) {
				return fmt.Errorf("%w: an endpoint of %s is nil, or holds a nil value", errCorrupt, field)
			}
		}
	}
	return nil
}

// complete says whether no value within v is nil.
func complete(v *registry.Value) bool {
	if v == nil {
		return true
	}
	for _, inner := range v.Values {
		if inner == nil || !complete(inner) {
			return false
		}
	}
	return true
}

// fileName returns the name of the file of a service. The readable part may be cut, and some
// file systems take a and A for the same: the hash makes it unique.
func fileName(name listed.Name) string {
	sum := sha256.Sum256([]byte(keys.EscapeName(name.Namespace) + "/" + keys.EscapeName(name.Service)))
	readable := keys.EscapeName(name.Service)
	if name.Namespace != "" {
		readable = keys.EscapeName(name.Namespace) + "@" + readable
	}
	const longest = 100
	return readable[:min(len(readable), longest)] + "-" + hex.EncodeToString(sum[:8]) + ".snapshot"
}
