package discovery

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
	"github.com/rollcall-go/rollcall/registry"
)

// A snapshot is what a file of SnapshotDir holds of a service: a header line
//
//	rollcall-snapshot 1 <sha256 of the rest, hex>
//
// and after it one JSON object, the fields of this struct.
type snapshot struct {
	Namespace string              `json:"namespace"` // as asked for: "" is the source's own
	Service   string              `json:"service"`
	Saved     time.Time           `json:"saved"` // when it was last known to be so
	Revision  uint64              `json:"revision"`
	History   string              `json:"history"`
	Services  []*registry.Service `json:"services"` // as a caller was shown, without APIs
}

const (
	snapshotMagic   = "rollcall-snapshot"
	snapshotVersion = "1"

	// maxSnapshot is the largest file that is written and read, in bytes: 10,000
	// nodes take some 3 MB.
	maxSnapshot = 64 << 20
	maxHeader   = 100
)

// Why a file is no snapshot of a service.
var (
	errForeign  = errors.New("it is of another kind")
	errCorrupt  = errors.New("it is damaged")
	errTooLarge = errors.New("it is too large")
)

// encode returns the file.
func (s *snapshot) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(body) > maxSnapshot-maxHeader {
		return nil, errTooLarge
	}
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s %s %x\n%s", snapshotMagic, snapshotVersion, sum, body), nil
}

// decodeSnapshot reads the file of a service.
func decodeSnapshot(data []byte, name serviceName) (*snapshot, error) {
	if len(data) > maxSnapshot {
		return nil, errTooLarge
	}
	header, body, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Split(string(header), " ")
	switch {
	case fields[0] != snapshotMagic:
		return nil, errForeign
	case len(fields) > 1 && fields[1] != snapshotVersion:
		return nil, fmt.Errorf("%w: its format is %.20q, not %s", errForeign, fields[1], snapshotVersion)
	}
	sum := sha256.Sum256(body)
	if len(fields) != 3 || fields[2] != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its checksum differs", errCorrupt)
	}
	s := &snapshot{}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if found := (serviceName{s.Namespace, s.Service}); found != name {
		return nil, fmt.Errorf("%w: it is that of %q in %q", errForeign, s.Service, s.Namespace)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// check finds what no source tells, and what would make a reader of the view panic.
func (s *snapshot) check() error {
	for i, version := range s.Services {
		field := fmt.Sprintf("services[%d]", i)
		if version == nil {
			return fmt.Errorf("%w: %s is nil", errCorrupt, field)
		}
		version.APIs = nil // no view has them
		for j, n := range version.Nodes {
			if err := checkNode(fmt.Sprintf("%s.Nodes[%d]", field, j), n); err != nil {
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

// complete tells whether no value within v is nil.
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

// snapshotFile names the file of a service. What people read of it may be cut, and
// some file systems take a for A: the hash keeps all apart.
func snapshotFile(name serviceName) string {
	sum := sha256.Sum256([]byte(keys.EscapeName(name.namespace) + "/" + keys.EscapeName(name.name)))
	readable := keys.EscapeName(name.name)
	if name.namespace != "" {
		readable = keys.EscapeName(name.namespace) + "@" + readable
	}
	const longest = 100
	return readable[:min(len(readable), longest)] + "-" + hex.EncodeToString(sum[:8]) + ".snapshot"
}
