package record

import (
	"maps"
	"time"
	"unicode/utf8"
)

// decodePlain reads a record in one pass, without encoding/json: no spaces, no escapes, no
// null, no empty object, no endpoints, no unknown field, numbers of at most 9 digits. Nearly
// all records are like that. Where it returns false, decodeNode decides what the record is.
//
// The text of the node is part of s.
func decodePlain(s string, shared *Decoder) (n Node, plain bool) {
	if len(s) > MaxNode || !utf8.ValidString(s) {
		return n, false
	}
	p := plainText{rest: s, maps: shared}
	p.object(func(name string) { // of two fields of one name the last one counts
		switch name {
		case "v":
			v := p.number()
			p.odd = p.odd || v < 1
			if n.V = 0; v > Version {
				n.V = v
			}
		case "version":
			n.Version = p.text()
		case "network":
			n.Network = p.text()
		case "address":
			n.Address = p.text()
		case "weight":
			if n.Weight = p.number(); n.Weight == 0 {
				n.Weight = NoTraffic
			}
		case "zone":
			n.Zone = p.text()
		case "status":
			n.Status = p.text()
		case "metadata":
			n.Metadata = p.texts(true)
		case "ttl":
			n.TTL = time.Duration(p.number()) * time.Millisecond
		case "service":
			n.ServiceMetadata = p.service()
		case "apis":
			n.APIs = p.text()
		default:
			p.odd = true
		}
	})
	return n, !p.odd && p.rest == "" && n.Address != ""
}

// A plainText is JSON that is read from its beginning. After anything unusual it is odd,
// and what is read then means nothing.
type plainText struct {
	rest string
	odd  bool
	maps *Decoder // nil: none is shared
}

// next says whether c comes next, and reads it.
func (p *plainText) next(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// object reads an object of at least one field. It calls value to read the value of each.
func (p *plainText) object(value func(name string)) {
	p.odd = p.odd || !p.next('{')
	for !p.odd {
		name := p.text()
		if p.odd = p.odd || !p.next(':'); p.odd {
			return
		}
		value(name)
		if p.next('}') {
			return
		}
		p.odd = p.odd || !p.next(',')
	}
}

func (p *plainText) text() string {
	if p.next('"') {
		for i := range len(p.rest) {
			switch c := p.rest[i]; {
			case c == '"':
				text := p.rest[:i]
				p.rest = p.rest[i+1:]
				return text
			case c == '\\', c < ' ':
				p.odd = true
				return ""
			}
		}
	}
	p.odd = true
	return ""
}

// texts reads an object of texts; ofNode says that it is the metadata of a node.
func (p *plainText) texts(ofNode bool) map[string]string {
	if m := p.maps.find(&p.rest); m != nil {
		if ofNode && p.maps.Own {
			m = maps.Clone(m)
		}
		return m
	}
	m, all := map[string]string{}, p.rest
	p.object(func(name string) { m[name] = p.text() })
	if !p.odd {
		p.maps.add(all[:len(all)-len(p.rest)], m)
	}
	return m
}

// service reads a service without endpoints, and returns its metadata. encoding/json would
// make one of two metadata.
func (p *plainText) service() (metadata map[string]string) {
	p.object(func(name string) {
		if p.odd = name != "metadata" || metadata != nil; !p.odd {
			metadata = p.texts(false)
		}
	})
	return metadata
}

func (p *plainText) number() (n int) {
	digits := 0
	for digits < len(p.rest) && '0' <= p.rest[digits] && p.rest[digits] <= '9' && digits < 10 {
		n = 10*n + int(p.rest[digits]-'0')
		digits++
	}
	p.odd = p.odd || digits == 0 || digits > 9 || digits > 1 && p.rest[0] == '0'
	p.rest = p.rest[digits:]
	return n
}
