package decode

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bytedance/sonic"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/mailru/easyjson/jlexer"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A node is what every way reads.
type node struct {
	Version  string            `json:"version"`
	Address  string            `json:"address"`
	Weight   int               `json:"weight"`
	Zone     string            `json:"zone"`
	Metadata map[string]string `json:"metadata"`
	TTL      int64             `json:"ttl"`
}

// A sample is the record of one node. Each has a tag of its own: nodes with the same tags
// would share them in rollcall.
type sample struct {
	want     node
	text     string // as a reply of Redis has it in rollcall
	bytes    []byte // for those that read bytes
	protobuf []byte
}

func samples(b *testing.B) []sample {
	s := make([]sample, 64)
	for i := range s {
		r := record.Node{
			Version: "v1.4.2", Address: fmt.Sprintf("10.0.0.%d:8080", i), Weight: 10, Zone: "eu-1a", TTL: 15 * time.Second,
			Metadata: map[string]string{"rack": "r17", "build": fmt.Sprint(i), "canary": "false", "team": "checkout", "az": "eu-1a"},
		}
		text, err := r.Encode()
		if err != nil {
			b.Fatal(err)
		}
		n := node{r.Version, r.Address, r.Weight, r.Zone, r.Metadata, r.TTL.Milliseconds()}
		s[i] = sample{n, string(text), text, protobuf(n)}
	}
	return s
}

// BenchmarkDecode reads records with five tags.
func BenchmarkDecode(b *testing.B) {
	s := samples(b)
	b.Logf("%d bytes of JSON, %d of protobuf", len(s[0].text), len(s[0].protobuf))
	var own record.Decoder
	for _, way := range []struct {
		name string
		read func(*sample, *node) error
	}{
		{"rollcall", func(s *sample, n *node) error {
			r, err := own.Node(s.text)
			*n = node{r.Version, r.Address, r.Weight, r.Zone, r.Metadata, r.TTL.Milliseconds()}
			return err
		}},
		{"encoding-json", func(s *sample, n *node) error { return json.Unmarshal(s.bytes, n) }},
		{"json-v2", func(s *sample, n *node) error { return jsonv2.Unmarshal(s.bytes, n) }},
		{"sonic", func(s *sample, n *node) error { return sonic.Unmarshal(s.bytes, n) }},
		{"easyjson", func(s *sample, n *node) error { return readEasy(s.bytes, n) }},
		{"protobuf", func(s *sample, n *node) error { return readProtobuf(s.protobuf, n) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			var n node
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n = node{}
				if err := way.read(&s[i%len(s)], &n); err != nil {
					b.Fatal(err)
				}
			}
			for _, s := range s {
				n = node{}
				if err := way.read(&s, &n); err != nil || fmt.Sprint(n) != fmt.Sprint(s.want) {
					b.Errorf("it read %v, %v, want %v", n, err, s.want)
				}
			}
		})
	}
}

// readEasy is what easyjson generates for a node.
func readEasy(text []byte, n *node) error {
	in := jlexer.Lexer{Data: text}
	for in.Delim('{'); !in.IsDelim('}'); in.WantComma() {
		key := in.UnsafeFieldName(false)
		in.WantColon()
		switch key {
		case "version":
			n.Version = in.String()
		case "address":
			n.Address = in.String()
		case "weight":
			n.Weight = in.Int()
		case "zone":
			n.Zone = in.String()
		case "ttl":
			n.TTL = in.Int64()
		case "metadata":
			n.Metadata = map[string]string{}
			for in.Delim('{'); !in.IsDelim('}'); in.WantComma() {
				tag := in.String()
				in.WantColon()
				n.Metadata[tag] = in.String()
			}
			in.Delim('}')
		default:
			in.SkipRecursive()
		}
	}
	in.Delim('}')
	return in.Error()
}

func protobuf(n node) []byte {
	text := func(b []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	}
	number := func(b []byte, field protowire.Number, v int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
	}
	m := number(text(number(text(text(nil, 1, n.Version), 2, n.Address), 3, int64(n.Weight)), 4, n.Zone), 5, n.TTL)
	for tag, value := range n.Metadata {
		m = text(m, 6, string(text(text(nil, 1, tag), 2, value)))
	}
	return m
}

func readProtobuf(message []byte, n *node) error {
	return fields(message, func(field protowire.Number, text []byte, number uint64) (err error) {
		switch field {
		case 1:
			n.Version = string(text)
		case 2:
			n.Address = string(text)
		case 3:
			n.Weight = int(number)
		case 4:
			n.Zone = string(text)
		case 5:
			n.TTL = int64(number)
		case 6:
			var pair [3]string
			err = fields(text, func(field protowire.Number, text []byte, _ uint64) error {
				pair[field] = string(text)
				return nil
			})
			if n.Metadata == nil {
				n.Metadata = map[string]string{}
			}
			n.Metadata[pair[1]] = pair[2]
		}
		return err
	})
}

// fields calls f for each field of a message of texts and numbers.
func fields(message []byte, f func(field protowire.Number, text []byte, number uint64) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var text []byte
		var number uint64
		if kind == protowire.BytesType {
			text, n = protowire.ConsumeBytes(message)
		} else {
			number, n = protowire.ConsumeVarint(message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := f(field, text, number); err != nil {
			return err
		}
	}
	return nil
}
