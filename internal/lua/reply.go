package lua

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Code is what a script did about one node. What a code means beyond its name,
// the script's contract says.
type Code int64

// The codes of all scripts. Below zero, the call was refused.
const (
	None       Code = 0 // nothing done: unknown, not due, not there
	Done       Code = 1 // registered, renewed, removed, set
	Quiet      Code = 2 // refreshed, mended, or so already: nothing published
	Older      Code = 3 // a newer call of the same lease was there first
	Superseded Code = -1
	Removed    Code = -2 // by an operator
	Gone       Code = -3 // this lease was deregistered
	Conflict   Code = -4 // another lease lives, and exclusive was asked for
	TooLarge   Code = -5 // an override would be
)

// A Result is one call's reply, or why there is none.
type Result struct {
	// Now is TIME as the script read it. It is set with ErrLate too.
	Now time.Time

	// Next is when the lease that ends next ends, by the index; zero where no
	// lease does.
	Next time.Time

	// Unpublished is why events were not published, or nil. The changes were made.
	Unpublished error

	// Codes holds one code for each node of the call, in its order.
	Codes []Code

	// Holders holds, where register refused nodes, the lease that holds the node, or "", for
	// each code that is Superseded or Conflict, in the order of Codes. A lease that
	// starts later than that one takes the node, unless the call is exclusive.
	Holders []string

	// Err is why the script did nothing, or that it is not known what it did. Where
	// Redis refused it, its text begins with Redis's code, on every version.
	Err error
}

// Unanswered is why a call has no reply, or nil.
func (r Result) Unanswered() error {
	if r.Now.IsZero() {
		return r.Err
	}
	return nil
}

// Joined makes one result of those of the nodes of a call.
func Joined(results []Result) Result {
	var all Result
	for _, res := range results {
		if res.Err != nil {
			return Result{Now: all.Now, Err: res.Err}
		}
		all.Now, all.Codes = res.Now, append(all.Codes, res.Codes...)
	}
	return all
}

// ErrLate says that the call came to Redis after its deadline and did nothing.
var ErrLate = errors.New("the call reached redis too late and did nothing")

// WrongTypeError says that a key of ours holds a foreign value. Nothing was
// written.
type WrongTypeError struct{ Key string }

// Error names the key.
func (e *WrongTypeError) Error() string {
	return fmt.Sprintf("key %s holds a value of another type", e.Key)
}

// IsPermission reports whether err is Redis's refusal of a user, a command, a key
// or a channel. Inside scripts the text differs between versions.
func IsPermission(err error) bool {
	return IsNoLogin(err) || says(err,
		"NOPERM",
		"The user executing the script", // up to 7, raised in a script
		"ACL failure",                   // 8, raised in a script
		"No permissions to access",      // prefix lost in a script
		"has no permissions to",
	)
}

// IsNoLogin reports whether err is Redis's refusal of the user or the password. A long command
// has a text of its own where the password was set after the connection was made.
func IsNoLogin(err error) bool {
	return says(err, "NOAUTH", "WRONGPASS", "unauthenticated multibulk length", "unauthenticated bulk length")
}

// says reports whether the text of err has one of these parts.
func says(err error, parts ...string) bool {
	return err != nil && slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(err.Error(), part) })
}

// IsTryAgain reports whether err is a cluster's refusal of several keys while it
// moves their slot.
func IsTryAgain(err error) bool { return redis.HasErrorPrefix(err, "TRYAGAIN") }

// parse reads the array that common.lua describes, of a call that names so many nodes.
func parse(cmd *redis.Cmd, nodes int) Result {
	reply, err := cmd.Slice()
	if err != nil {
		return Result{Err: unwrap(err)}
	}
	if len(reply) < 4 {
		return Result{Err: fmt.Errorf("script returned %d values, want 4 or more", len(reply))}
	}
	status, ok1 := reply[0].(int64)
	now, ok2 := reply[1].(int64)
	detail, ok3 := reply[2].(string)
	next, ok4 := reply[3].(int64)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Result{Err: fmt.Errorf("script returned %v, want integers and a text", reply[:4])}
	}
	r := Result{Now: time.UnixMicro(now)}
	switch status {
	case 0, 4:
	case 1:
		r.Err = ErrLate
		return r
	case 2:
		r.Err = unreadable(detail)
		return r
	default:
		r.Err = fmt.Errorf("script refused the argument %s", detail)
		return r
	}
	if next > 0 {
		r.Next = time.UnixMilli(next)
	}
	if detail != "" {
		r.Unpublished = errors.New(detail)
	}
	if status == 4 {
		r.Codes = slices.Repeat([]Code{Done}, nodes)
		return r
	}
	for i, v := range reply[4:] {
		code, ok := v.(int64)
		if holder, text := v.(string); text && i >= nodes {
			r.Holders = append(r.Holders, holder)
			continue
		}
		if !ok {
			return Result{Now: r.Now, Err: fmt.Errorf("script returned the code %v, want an integer", v)}
		}
		r.Codes = append(r.Codes, Code(code))
	}
	if len(r.Codes) != nodes {
		return Result{Now: r.Now, Err: fmt.Errorf("script returned %d codes for %d nodes", len(r.Codes), nodes)}
	}
	return r
}

// unreadable turns "key, space, what Redis said" into an error.
func unreadable(detail string) error {
	key, said, _ := strings.Cut(detail, " ")
	if strings.Contains(said, "wrong kind of value") {
		return &WrongTypeError{Key: key}
	}
	return fmt.Errorf("key %s: %s", key, said)
}
