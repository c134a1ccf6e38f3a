-- renew_node.lua: extend the lease of one node by its hash alone.
--
-- While a cluster moves a slot, a call that names two keys may find them on two
-- masters and be refused (TRYAGAIN). This one names one key; the index is left
-- behind, and reap mends it when it finds the hash alive.
--
-- KEYS[1]  hash  the node
-- ARGV[1]  deadline, us of TIME: later, nothing is done
-- ARGV[2]  lease
-- ARGV[3]  seq
--
-- Returns the array of common.lua, with 0 for the next lease end, and the codes
-- of renew.lua.
--
-- Publishes nothing.  Clock: Redis TIME.  Cost: O(1).
local lease, seq = text(2, LEASE), number(3)
local h = read('HMGET', KEYS[1], 'lease', 'seq', 'ttl', 'gone')
if failure then
  return failure
end

local ttl = tonumber(h[3] or '')
local code = fenced(h[1], h[2], h[4], lease, seq)
if not code then
  code = h[1] == lease and tonumber(h[2]) == seq and ttl and 1 or 0
end
if code == 1 then
  redis.call('PEXPIRE', KEYS[1], int(ttl))
end
return {DONE, now, '', 0, code}
