package record

import "strings"

// A Decoder reads the records of many nodes of a service. Of nodes that come one after the
// other, those with the same metadata share one map of it: do not change it. It is for one
// goroutine at a time; the zero value is ready.
type Decoder struct {
	Own bool // the Metadata of each node is its own; its ServiceMetadata may still be shared

	recent [8]readMap // the newest maps
	next   int        // which of them is the oldest
}

// A readMap is an object of texts, and what was read of it.
type readMap struct {
	text string
	m    map[string]string
}

// Node reads a record as DecodeNode does.
func (d *Decoder) Node(text string) (Node, error) { return decode(text, d) }

// find returns the map of the object that a text begins with, and cuts that off; nil if it
// is not one of the recent.
func (d *Decoder) find(rest *string) map[string]string {
	if d == nil {
		return nil
	}
	for _, r := range d.recent {
		if after, found := strings.CutPrefix(*rest, r.text); found && r.m != nil {
			*rest = after
			return r.m
		}
	}
	return nil
}

func (d *Decoder) add(text string, m map[string]string) {
	if d != nil {
		d.recent[d.next] = readMap{text, m}
		d.next = (d.next + 1) % len(d.recent)
	}
}
