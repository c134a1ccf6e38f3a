package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func replicas(s *server) Finding {
	if s.info == nil {
		return untold("INFO")
	}
	// INFO has the number of good replicas only where some are wanted.
	_, limited := s.info["min_slaves_good_slaves"]
	wanted, known := s.config["min-replicas-to-write"]
	least, _ := strconv.ParseInt(wanted, 10, 64)
	have := s.number("min_slaves_good_slaves")
	const remedy = "bring the replicas back, add one, or lower min-replicas-to-write: nodes renew through writes"
	switch {
	case known && least == 0, !known && !limited:
		return fine("%d replicas, and writes wait for none", s.number("connected_slaves"))
	case !known && have == 0:
		return bad(Fail, remedy, "min-replicas-to-write wants replicas and none is in time: Redis refuses to register and renew nodes (NOREPLICAS)")
	case !known:
		return untold("CONFIG GET")
	case have < least:
		return bad(Fail, remedy, "min-replicas-to-write is %d and %d replicas are in time: Redis refuses to register and renew nodes (NOREPLICAS)", least, have)
	case have == least:
		return bad(Warn, remedy, "min-replicas-to-write is %d and %d replicas are in time: the loss of one stops all renewals", least, have)
	}
	return fine("%d replicas in time, min-replicas-to-write %d", have, least)
}

func notifications(s *server) Finding {
	flags, known := s.config["notify-keyspace-events"]
	switch {
	case !known:
		return untold("CONFIG GET")
	case strings.Contains(flags, "A") && strings.ContainsAny(flags, "KE"):
		return bad(Warn, "set notify-keyspace-events to the kinds that are used; for crashes Kx is enough",
			"notify-keyspace-events is %s: Redis publishes an event for every write of everybody, renewals too", flags)
	case strings.Contains(flags, "K") && strings.Contains(flags, "x"):
		return fine("%s: a crash shows some 100 ms sooner", flags)
	case flags != "":
		return bad(Warn, "for hints of crashes add Kx; or leave it as it is, if others want just these",
			"notify-keyspace-events is %s: registries find no hints of crashes in that, and need none", flags)
	}
	return fine("off: hints of crashes are optional")
}

// leastBuffer is what a burst of changes of a large service may take at a subscriber.
const leastBuffer = 1 << 20

func buffers(s *server) Finding {
	value, known := s.config["client-output-buffer-limit"]
	if !known {
		return untold("CONFIG GET")
	}
	words := strings.Fields(value)
	i := slices.Index(words, "pubsub")
	if i < 0 || len(words) < i+4 {
		return bad(Unknown, "look at client-output-buffer-limit", "client-output-buffer-limit is %q, without pubsub", value)
	}
	hard, _ := strconv.ParseInt(words[i+1], 10, 64)
	soft, _ := strconv.ParseInt(words[i+2], 10, 64)
	limit := strings.Join(words[i:i+4], " ")
	const remedy = "set client-output-buffer-limit pubsub 33554432 8388608 60, which is Redis's default"
	switch {
	case hard == 0 && soft == 0:
		return bad(Warn, remedy, "subscribers have no limit: one that hangs fills the memory of Redis")
	case hard > 0 && hard < leastBuffer, soft > 0 && soft < leastBuffer/4:
		return bad(Warn, remedy, "%s: Redis cuts watchers off in a burst of changes, and they read all nodes again", limit)
	}
	return fine("%s", limit)
}

// leastIdle is below the time between two renewals of many services.
const leastIdle = 60 * time.Second

func idle(s *server) Finding {
	value, known := s.config["timeout"]
	if !known {
		return untold("CONFIG GET")
	}
	seconds, _ := strconv.Atoi(value)
	if limit := time.Duration(seconds) * time.Second; limit > 0 && limit < leastIdle {
		return bad(Warn, "set timeout 0, or 300", "timeout is %v: Redis closes connections between two renewals, and each dial and login delays one", limit)
	}
	return fine("timeout %s", value)
}

func keepalive(s *server) Finding {
	value, known := s.config["tcp-keepalive"]
	switch {
	case !known:
		return untold("CONFIG GET")
	case value == "0":
		return bad(Warn, "set tcp-keepalive 300, which is Redis's default", "tcp-keepalive is 0: connections of machines that are gone stay for ever, and count as clients")
	}
	return fine("tcp-keepalive %s", value)
}

func clients(s *server) Finding {
	most := s.number("maxclients")
	if most == 0 {
		return untold("INFO")
	}
	have := s.number("connected_clients")
	text := fmt.Sprintf("%d clients of %d", have, most)
	const remedy = "raise maxclients and the open files of the process; a watching process takes two connections, a registrar one or two"
	switch {
	case have*100 >= most*95:
		return bad(Fail, remedy, "%s: Redis refuses the next processes", text)
	case have*100 >= most*80:
		return bad(Warn, remedy, "%s", text)
	}
	return fine("%s", text)
}
