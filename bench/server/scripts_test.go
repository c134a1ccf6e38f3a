package server

import "github.com/redis/go-redis/v9"

// The scripts of the peers. KEYS: the node, its service. ARGV: the ID, the record, the
// TTL in milliseconds.
var (
	// bareScript is a three-line script: it stores, indexes and publishes.
	bareScript = redis.NewScript(`
redis.call('HSET', KEYS[1], 'data', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('PUBLISH', KEYS[2], ARGV[2])
return 1`)

	// registerScript and renewScript are those of a design with a script for each instance.
	registerScript = redis.NewScript(`
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'data', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1`)
	renewScript = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) <= 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)
)
