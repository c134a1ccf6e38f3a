package record

import (
	"testing"
	"time"
)

// typical is a record as most services write it.
var typical = Node{
	Version: "1.2.0", Address: "10.0.0.7:8080", Weight: 10, Zone: "eu-1a", TTL: 15 * time.Second,
	Metadata: map[string]string{"commit": "0a4d55a8", "protocol": "http", "team": "orders"},
}

func BenchmarkDecodeNode(b *testing.B) {
	data, err := typical.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeNode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHolder(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHolder(lease + " 1 15000 7"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeNode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := typical.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	data, err := typical.Encode()
	if err != nil {
		b.Fatal(err)
	}
	event := Event{Epoch: epoch, Rev: 7, Prev: tagA, Tag: tagB, Time: at, Kind: Put, Lease: lease, ID: "10.0.0.7:8080", Payload: data}.Encode()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(event); err != nil {
			b.Fatal(err)
		}
	}
}
