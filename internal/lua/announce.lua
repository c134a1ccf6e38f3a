-- announce.lua: enter members in a catalogue as seen now, and remove those that
-- were not entered for long.
--
-- A script, because both use Redis's own clock. With times of the caller's, a
-- process whose clock is days ahead would remove the entries of all others, and
-- one whose clock is days behind would have its own removed.
--
-- It is sent without common.lua, and takes no deadline: a late or repeated
-- call only keeps entries for longer, and a catalogue may list too much.
--
-- KEYS[1]    zset  catalogue: member -> last seen, ms
-- ARGV[1]    ms after which an entry is removed that was not entered again; a
--            catalogue without new entries expires after that time
-- ARGV[2..]  members
--
-- Returns the number of entries removed.
--
-- Publishes nothing.  Clock: Redis TIME.  Cost: O(members * log entries).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local entries = {}
for i = 2, #ARGV do
  entries[#entries + 1] = string.format('%.0f', now)
  entries[#entries + 1] = ARGV[i]
end
redis.call('ZADD', KEYS[1], unpack(entries))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[1]))
