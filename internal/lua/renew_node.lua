-- renew_node.lua: extend the lease of one node by its hash alone.
--
-- While a cluster moves a slot, a call that names two keys may find them on two
-- masters and be refused (TRYAGAIN). This one names one key; the index is left
-- behind, and reap mends it when it finds the hash alive.
--
-- KEYS[1]  hash  the node
-- ARGV[1]  deadline, us of TIME: later, nothing is done
-- ARGV[2]  "<lease> <seq>"
--
-- Returns the array of common.lua, with 0 for the next lease end, and the codes
-- of renew.lua.
--
-- Publishes nothing.  Clock: Redis TIME.  Cost: O(1).
local lease, seq = hold(2, HOLD .. '$')
local held, held_seq, last = holder(text('HGET', KEYS[1], 'lease'))
if failure then
  return failure
end

local code = fenced(held, held_seq, last, lease, seq)
if not code then
  code = held == lease and held_seq == seq and 1 or 0
end
if code == 1 then
  call('PEXPIRE', KEYS[1], int(last))
end
return {DONE, now, '', 0, code}
