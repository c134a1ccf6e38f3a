package doctor

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// A check looks at what one server says of itself.
type check struct {
	name string
	look func(*server) Finding
}

// checks are made for each master, in this order.
var checks = []check{
	{"reachable", roundTrip},
	{"version", version},
	{"role", role},
	{"persistence", persistence},
	{"last save", lastSave},
	{"stop-writes-on-bgsave-error", stopWrites},
	{"eviction", eviction},
	{"memory", memory},
	{"replicas", replicas},
	{"keyspace events", notifications},
	{"output buffers", buffers},
	{"timeout", idle},
	{"keepalive", keepalive},
	{"clients", clients},
}

// slow is a round trip from which renewals come late under load.
const slow = 100 * time.Millisecond

func roundTrip(s *server) Finding {
	if s.took > slow {
		return bad(Warn, "run services near Redis; look at SLOWLOG and at the load of the server",
			"a round trip takes %v", s.took.Round(time.Millisecond))
	}
	return fine("it answers in %v", s.took.Round(10*time.Microsecond))
}

func version(s *server) Finding {
	v := cmp.Or(s.info["valkey_version"], s.said("version"), s.info["redis_version"])
	name := cmp.Or(s.said("server"), "redis")
	switch {
	case v == "":
		return untold("INFO")
	case strings.HasPrefix(v, "6."):
		return bad(Warn, "upgrade to Redis 7 or later: then resolvers can be given rights that cannot write",
			"%s %s has no rights to read a key and not to write it", name, v)
	}
	return fine("%s %s", name, v)
}

func role(s *server) Finding {
	switch r := cmp.Or(s.said("role"), s.info["role"]); r {
	case "master":
		return fine("master")
	case "":
		return untold("INFO")
	default:
		return bad(Fail, "connect to the master; with Sentinel, give the sentinels and --master",
			"the server is a %s: no node can register or renew its lease there", r)
	}
}

func persistence(s *server) Finding {
	if s.info == nil {
		return untold("INFO")
	}
	save, known := s.config["save"]
	switch {
	case s.info["aof_enabled"] == "1":
		return fine("append-only file")
	case !known && s.info["aof_enabled"] == "0":
		f := untold("CONFIG GET")
		f.What += ", and there is no append-only file: whether it saves is not known"
		return f
	case save != "":
		return fine("saves a snapshot (save %s)", save)
	}
	return bad(Warn, "set appendonly yes, or save points",
		"nothing is saved: after a restart nodes register again within an interval, but overrides, manual nodes and the history are lost")
}

func lastSave(s *server) Finding {
	if s.info == nil {
		return untold("INFO")
	}
	const remedy = "look at the log of Redis, and free its disk or correct its rights; until then set stop-writes-on-bgsave-error no"
	switch {
	case s.info["aof_enabled"] == "1" && s.info["aof_last_write_status"] == "err":
		return bad(Fail, remedy, "the append-only file cannot be written: Redis refuses to register and renew nodes (MISCONF)")
	case s.info["rdb_last_bgsave_status"] == "err" && s.config["stop-writes-on-bgsave-error"] == "no":
		return bad(Warn, remedy, "the last save failed: a restart brings old data back")
	case s.info["rdb_last_bgsave_status"] == "err":
		return bad(Fail, remedy, "the last save failed: where stop-writes-on-bgsave-error is yes, Redis refuses to register and renew nodes (MISCONF)")
	}
	return fine("the last save did not fail")
}

func stopWrites(s *server) Finding {
	stops, known := s.config["stop-writes-on-bgsave-error"]
	save, saves := s.config["save"]
	switch {
	case !known || !saves:
		return untold("CONFIG GET")
	case stops == "yes" && save != "":
		return bad(Warn, "set stop-writes-on-bgsave-error no, and watch rdb_last_bgsave_status; or save nothing",
			"a save that fails, as on a full disk, stops all renewals: nodes are lost after their TTL where nobody says that they live")
	}
	return fine("a failed save does not stop renewals")
}

func eviction(s *server) Finding {
	policy, known := s.info["maxmemory_policy"]
	const remedy = "set maxmemory-policy noeviction, or keep the registry on a Redis of its own"
	switch {
	case !known:
		return untold("INFO")
	case policy == "noeviction":
		return fine("noeviction")
	case s.number("evicted_keys") > 0:
		return bad(Fail, remedy, "maxmemory-policy is %s, and Redis has evicted %d keys: live nodes are among what it takes", policy, s.number("evicted_keys"))
	case s.number("maxmemory") == 0:
		return bad(Warn, remedy, "maxmemory-policy is %s: once a maxmemory is set, Redis evicts live nodes", policy)
	}
	return bad(Fail, remedy, "maxmemory-policy is %s: at maxmemory, %s, Redis evicts live nodes", policy, size(s.number("maxmemory")))
}

func memory(s *server) Finding {
	const remedy = "raise maxmemory, give the machine more memory, or remove other keys; see docs/performance.md for the size of a node"
	used, most, what := s.number("used_memory"), s.number("maxmemory"), "maxmemory"
	if most == 0 {
		used, most, what = s.number("used_memory_rss"), s.number("total_system_memory"), "the memory of the machine, and there is no maxmemory"
	}
	if s.info == nil || most == 0 {
		return untold("INFO")
	}
	share := int(100 * used / most)
	text := fmt.Sprintf("%s of %s are in use, %d%% of %s", size(used), size(most), share, what)
	switch {
	case share >= 95:
		return bad(Fail, remedy, "%s: Redis refuses new nodes (OOM), or evicts", text)
	case share >= 80:
		return bad(Warn, remedy, "%s", text)
	}
	return fine("%s", text)
}
