-- drop.lua: remove one field of a service's hash, if it has this very value.
--
-- Atomic, because the field may be written anew, by a server that came back to the
-- same address, between a check of it and its removal.
--
-- KEYS[1]  hash  address -> JSON
-- ARGV[1]  field
-- ARGV[2]  value
--
-- Returns 1 if the field was removed, else 0.  Cost: O(1).
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
