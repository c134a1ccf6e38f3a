package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
)

// Classify joins what Redis or the network said with the kind of failure that it
// means. The end of the caller's own context by cancellation stays what it is.
func Classify(err error) error {
	err = errdefs.OneLine(err)
	if err == nil || errors.Is(err, context.Canceled) || errdefs.Known(err) {
		return err
	}
	var wrong *lua.WrongTypeError
	switch {
	case errors.As(err, &wrong), redis.HasErrorPrefix(err, "WRONGTYPE"):
		return fmt.Errorf("%w: %w; another program uses this key: choose another prefix", errdefs.ErrConflict, err)
	case errors.Is(err, record.ErrMalformed), errors.Is(err, record.ErrTooLarge):
		return fmt.Errorf("%w: %w", errdefs.ErrConflict, err)
	case errors.Is(err, redis.ErrClosed): // by Close, with this call under way
		return fmt.Errorf("%w: %w", errdefs.ErrClosed, err)
	case Remedied(err, lua.Refusal(err)) != nil:
		return Remedied(err, lua.Refusal(err))
	case lua.IsPermission(err):
		return &errdefs.Advised{Err: fmt.Errorf("%w: %w", errdefs.ErrPermission, bare(err)), Do: right(err)}
	}
	if wrong := mistake(err); wrong != nil {
		return wrong
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return &errdefs.Advised{Err: fmt.Errorf("%w: %w", errdefs.ErrUnavailable, err), Do: "check the address in Addrs or URL, and that Redis runs there"}
	}
	return fmt.Errorf("%w: %w", errdefs.ErrUnavailable, err)
}

// remedies say what to do when Redis serves reads and refuses writes, by the code
// that its answer begins with.
var remedies = map[string]string{
	"READONLY":   "the server is a replica: connect to the master, or make it a master again",
	"NOREPLICAS": "bring its replicas back, or lower its min-replicas-to-write",
	"MISCONF":    "it cannot save its data: see its log, and free its disk",
	"OOM":        "its memory is full: raise its maxmemory, or remove other keys",
}

// Remedied joins an answer that refuses writes with errdefs.ErrUnavailable and the remedy;
// why is what Redis said. It returns nil where there is none.
func Remedied(err error, why string) error {
	code, _, _ := strings.Cut(why, " ")
	if remedy := remedies[code]; remedy != "" {
		return fmt.Errorf("%w: %w: %s", errdefs.ErrUnavailable, bare(err), remedy)
	}
	return nil
}

// bare returns a refusal of Redis without the place in the script that it adds.
func bare(err error) error {
	if why := lua.Refusal(err); why != "" {
		return errdefs.WithText(strings.TrimSuffix(why, "."), err)
	}
	return err
}
