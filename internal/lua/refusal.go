package lua

import (
	"strings"

	"github.com/redis/go-redis/v9"
)

// Refusal returns what Redis said where err is the answer of a Redis that serves
// reads and refuses to write, at least for this user: it is a replica, lacks
// replicas, cannot save to its disk, has no memory left, or a right is missing.
// It returns "" where err is anything else.
func Refusal(err error) string {
	refused := IsPermission(err)
	for _, code := range []string{"READONLY", "NOREPLICAS", "MISCONF", "OOM"} {
		refused = refused || redis.HasErrorPrefix(err, code)
	}
	if !refused {
		return ""
	}
	said, _, _ := strings.Cut(err.Error(), " script: ") // its hash and line, since 7
	return said
}
