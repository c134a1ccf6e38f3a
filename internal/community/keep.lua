-- keep.lua: write one field of a service's hash, if it is not there as it should
-- be, and keep the hash from expiring.
--
-- Atomic, because the expiry is shared with others: between a check of it and a
-- change another process could have set a longer one.
--
-- KEYS[1]  hash  address -> JSON
-- ARGV[1]  deadline, ms of TIME: later, nothing is done
-- ARGV[2]  expiry, ms: the hash lives at least so long
-- ARGV[3]  field
-- ARGV[4]  value
--
-- Returns TIME, ms. If that is after the deadline, nothing was done.
--
-- A hash without an expiry that was there before keeps none.  Publishes nothing.
-- Clock: Redis TIME.  Cost: O(1).
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if now > tonumber(ARGV[1]) then
  return now
end

local new = redis.call('EXISTS', KEYS[1]) == 0
if redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[4] then
  redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
end
local left, expiry = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
if new or left >= 0 and left < expiry then
  redis.call('PEXPIRE', KEYS[1], expiry)
end
return now
