package lua

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A reply is a result and the stage that it came to.
type reply struct {
	*stage
	Result
}

// note adds the one result of a call to the transcript.
func (s *stage) note(name string, results []Result) reply {
	s.Helper()
	if len(results) != 1 {
		s.Fatalf("%s: got %d results, want 1", name, len(results))
	}
	r := results[0]
	if !r.Now.IsZero() {
		at := r.Now.UnixMicro()
		s.nonces[at] = append(s.nonces[at], fmt.Sprintf("%012x", s.nonce))
	}
	next := "-"
	if !r.Next.IsZero() {
		next = minutes(r.Next.Sub(r.Now))
	}
	s.transcript = append(s.transcript, fmt.Sprintf("%s: codes %v, now %t, next %s, unpublished %v, error %v",
		name, r.Codes, near(r.Now), next, r.Unpublished, r.Err))
	return reply{s, r}
}

// late wants a call that came after its deadline.
func (r reply) late() {
	r.Helper()
	if !errors.Is(r.Err, ErrLate) || r.Codes != nil || !near(r.Now) {
		r.Errorf("error %v, codes %v, now %v, want ErrLate, none, and about %v", r.Err, r.Codes, r.Now, time.Now())
	}
}

// is wants a call that did its work, with these codes.
func (r reply) is(codes ...Code) reply {
	r.Helper()
	if r.Err != nil || r.Unpublished != nil {
		r.Errorf("error %v, unpublished %v", r.Err, r.Unpublished)
	}
	if d := cmp.Diff(codes, r.Codes, cmpopts.EquateEmpty()); d != "" {
		r.Errorf("codes (-want +got):\n%s", d)
	}
	if !near(r.Now) {
		r.Errorf("now = %v, want about %v", r.Now, time.Now())
	}
	return r
}
