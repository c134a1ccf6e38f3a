package redistest

import (
	"context"
	"fmt"
	"time"
)

// Migration is a slot on its way from one master to another. While it lasts,
// From serves the keys that it still holds and sends clients to To for others
// (ASK). Where a call names keys of both kinds, clients get the reply to try again
// (TRYAGAIN): by From, or before Redis 7 by To, to which From sends them.
type Migration struct {
	Slot     int
	From, To *Server

	c    *Cluster
	over bool
}

// Migrate sets the slot of key on its way to another master, and moves no key.
// At the end of the test it is undone unless Finish or Undo was called.
func (c *Cluster) Migrate(key string) *Migration {
	c.t.Helper()
	from, slot := c.owner(key)
	m := &Migration{Slot: slot, From: from, c: c}
	for _, other := range c.Masters() {
		if other != from {
			m.To = other
		}
	}
	m.setSlot(m.To, "IMPORTING", m.id(from))
	m.setSlot(from, "MIGRATING", m.id(m.To))
	c.t.Cleanup(m.Undo)
	return m
}

// Move moves some keys of the slot to To. Keys that do not exist are left out.
func (m *Migration) Move(keys ...string) {
	m.c.t.Helper()
	m.move(m.From, m.To, keys)
}

// Finish moves what is left and makes To the owner, for all nodes of the cluster.
func (m *Migration) Finish() {
	m.c.t.Helper()
	m.moveAll(m.From, m.To)
	owner := m.id(m.To)
	m.setSlot(m.To, "NODE", owner)
	m.setSlot(m.From, "NODE", owner)
	m.over = true
	mustAwait(m.c.t, fmt.Sprintf("slot %d moves to %s", m.Slot, m.To.Addr()), func(ctx context.Context) error {
		for _, s := range running(m.c.servers) {
			v, err := m.c.view(ctx, s)
			if err != nil {
				return err
			}
			if v.owner[m.Slot] != m.To {
				return fmt.Errorf("%s does not know it", s.Addr())
			}
		}
		return nil
	})
}

// Undo moves back what To holds and ends the migration; after Finish it does
// nothing. Of a key that both hold, To's value stays.
func (m *Migration) Undo() {
	m.c.t.Helper()
	if m.over {
		return
	}
	m.over = true
	m.setSlot(m.From, "STABLE") // or it would not take keys that it does not have
	m.moveAll(m.To, m.From)
	m.setSlot(m.To, "STABLE")
}

func (m *Migration) id(s *Server) (id string) {
	m.c.t.Helper()
	must(m.c.t, "ask "+s.Addr()+" for its id", func(ctx context.Context) (err error) {
		id, err = s.client.ClusterMyID(ctx).Result()
		return err
	})
	return id
}

func (m *Migration) setSlot(on *Server, state string, id ...any) {
	m.c.t.Helper()
	must(m.c.t, fmt.Sprintf("set slot %d %s on %s", m.Slot, state, on.Addr()), func(ctx context.Context) error {
		return on.client.Do(ctx, append([]any{"CLUSTER", "SETSLOT", m.Slot, state}, id...)...).Err()
	})
}

func (m *Migration) moveAll(from, to *Server) {
	m.c.t.Helper()
	for {
		var keys []string
		must(m.c.t, "list the keys of "+from.Addr(), func(ctx context.Context) (err error) {
			keys, err = from.client.ClusterGetKeysInSlot(ctx, m.Slot, 1000).Result()
			return err
		})
		if len(keys) == 0 {
			return
		}
		m.move(from, to, keys)
	}
}

func (m *Migration) move(from, to *Server, keys []string) {
	m.c.t.Helper()
	args := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, (5 * time.Second).Milliseconds(), "REPLACE", "KEYS"}
	for _, key := range keys {
		args = append(args, key)
	}
	must(m.c.t, "move keys to "+to.Addr(), func(ctx context.Context) error { return from.client.Do(ctx, args...).Err() })
}
