package lua

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-go/rollcall/internal/record"
)

// settle ends a scenario: it wants these nodes and events, checks that events,
// log and version agree, and returns the transcript of it all.
func (s *stage) settle(nodes, events []string) []string {
	s.Helper()
	got, all := s.events(), s.dump()
	var said []string
	for _, e := range got {
		said = append(said, e.String())
	}
	if d := cmp.Diff(nodes, s.nodes(all), cmpopts.EquateEmpty()); d != "" {
		s.Errorf("nodes (-want +got):\n%s", d)
	}
	if d := cmp.Diff(events, said, cmpopts.EquateEmpty()); d != "" {
		s.Errorf("events (-want +got):\n%s", d)
	}
	s.checkAgreement(got, all)
	for _, e := range got {
		s.transcript = append(s.transcript, fmt.Sprintf("event %s %s>%s %s",
			s.mark("epoch", e.epoch), s.mark("tag", e.prev), s.mark("tag", e.tag), e))
	}
	return append(s.transcript, s.lines(all)...)
}

// checkAgreement wants events, version and log to agree.
func (s *stage) checkAgreement(events []event, all map[string]entry) {
	s.Helper()
	for _, err := range []error{
		checkChain(events),
		s.checkTags(events),
		s.checkVersion(events, all[s.svc.Version()]),
		s.checkLog(events, all[s.svc.Log()]),
		s.checkExpiry(all),
	} {
		if err != nil {
			s.Error(err)
		}
	}
}

// checkChain wants each event to follow the one before, or to begin a history.
func checkChain(events []event) error {
	for i, e := range events {
		first := i == 0 || events[i-1].epoch != e.epoch
		if first && (e.rev != 1 || e.prev != "") {
			return fmt.Errorf("event %d begins a history with rev %d after tag %q", i, e.rev, e.prev)
		}
		if !first && (e.rev != events[i-1].rev+1 || e.prev != events[i-1].tag) {
			return fmt.Errorf("event %d does not follow the one before: %+v, %+v", i, events[i-1], e)
		}
	}
	return nil
}

// checkTags computes each tag anew, and each epoch, which is the time and the
// nonce of the call that began it.
func (s *stage) checkTags(events []event) error {
	for i, e := range events {
		nonces := s.nonces[e.at]
		if !slices.ContainsFunc(nonces, func(n string) bool {
			return e.tag == sha1hex(fmt.Sprintf("%s %s %s %s %d", e.prev, n, e.kind, e.id, e.at))
		}) {
			return fmt.Errorf("tag of event %d, %+v, is not made of its parts and one of the nonces %v", i, e, nonces)
		}
		if e.prev == "" && !slices.ContainsFunc(nonces, func(n string) bool {
			return e.epoch == fmt.Sprintf("%d-%s", e.at, n)
		}) {
			return fmt.Errorf("epoch of event %d, %+v, is not its time and one of the nonces %v", i, e, nonces)
		}
	}
	return nil
}

func sha1hex(s string) string {
	sum := sha1.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// checkVersion wants the version to be that of the last event.
func (s *stage) checkVersion(events []event, version entry) error {
	if len(events) == 0 || s.evicted[s.svc.Version()] && version.Type == "" {
		if version.Type != "" {
			return fmt.Errorf("version %v without an event", version)
		}
		return nil
	}
	last := events[len(events)-1]
	want := entry{Type: "string", Expires: version.Expires, Items: []string{
		fmt.Sprint(last.epoch, " ", last.rev, " ", last.tag),
	}}
	if d := cmp.Diff(want, version); d != "" {
		return fmt.Errorf("version (-last event +got):\n%s", d)
	}
	return nil
}

// checkLog wants the log to hold the newest events, newest first: at least 1,024
// where there were as many, and no more than 1,152. A log that was evicted may hold
// fewer.
func (s *stage) checkLog(events []event, log entry) error {
	var want []string
	for _, e := range slices.Backward(events) {
		want = append(want, strings.Join([]string{e.tag, strconv.FormatInt(e.at, 10), e.kind, e.lease, e.id}, " "))
	}
	want = want[:min(len(want), 1152)]
	if n := len(log.Items); s.evicted[s.svc.Log()] || n >= 1024 {
		want = want[:min(len(want), n)]
	}
	got := slices.Clone(log.Items)
	for i, line := range got {
		if f := strings.Fields(line); len(f) == 6 && f[2] == "exp" { // its note has the end of the lease
			at, _ := strconv.ParseInt(f[1], 10, 64)
			if until := record.ParseNote(f[5]).Until; until <= 0 || until > at/1000 {
				return fmt.Errorf("the lease ended at %d ms: %s", until, line)
			}
			got[i] = strings.Join(f[:5], " ")
		}
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		return fmt.Errorf("log (-events +got):\n%s", d)
	}
	return nil
}

// checkExpiry wants index, version and log to expire a day after the last lease
// ends, and up to an hour later; in a day where no node is left. Where the index
// was evicted, no script has seen it empty.
func (s *stage) checkExpiry(all map[string]entry) error {
	index, nodes := all[s.svc.Index()]
	least, most := 0, 24*60
	if nodes {
		last := slices.Max(slices.Collect(maps.Values(index.Scores)))
		lease := int(time.Until(time.UnixMilli(int64(last))).Minutes())
		least, most = 24*60+lease, 25*60+max(lease, int(ttl.Minutes()))
	} else if s.evicted[s.svc.Index()] {
		most += 60 + int(ttl.Minutes())
	}
	for _, k := range []string{s.svc.Index(), s.svc.Version(), s.svc.Log()} {
		e, there := all[k]
		var left int
		if _, err := fmt.Sscanf(e.Expires, "%dm", &left); there && (err != nil || left < least-1 || left > most+1) {
			return fmt.Errorf("%s expires in %q, want %d to %d minutes", k, e.Expires, least, most)
		}
	}
	return nil
}
