-- renew.lua: extend the leases of some nodes of one service.
--
-- Atomic, because the owner check and the new expiry must not be split: an old
-- process could otherwise revive a node that a newer one owns.
--
-- KEYS[1]    zset  index: node -> end of its lease, ms
-- KEYS[2]    text  version: epoch, rev, tag
-- KEYS[3]    list  log of the newest changes
-- KEYS[4..]  hash  one per node
-- ARGV[1]    deadline, us of TIME: later, nothing is done
-- ARGV[2]    the TTL of all nodes, ms, or ''
-- ARGV[3..]  id, "<lease> <seq>" or "<lease> <seq> <ttl> "; two per node
--
-- Returns the array of common.lua; per node:
--    1 renewed   0 unknown or older: register again   3 an older call: nothing
--   -1 superseded: the holder's lease is newer   -2 an operator removed it
--   -3 this lease was deregistered
--
-- Publishes nothing.  Clock: Redis TIME.  Cost: O(nodes * log index).
local nodes = {}
local indexed = scores(KEYS[1], 3, 2)
for i = 1, #KEYS - 3 do
  local a = 2 * i + 1
  local lease, seq = hold(a + 1, HOLD .. ' ?%d* ?$')
  local held, held_seq, last = holder(text('HGET', KEYS[i + 3], 'lease'))
  local code = fenced(held, held_seq, last, lease, seq)
  if not code then
    code = held == lease and held_seq == seq and indexed[i] and 1 or 0
  end
  nodes[i], codes[i] = {key = KEYS[i + 3], id = check(a, ID), ttl = last}, code
end

if failure then
  return failure
end

for i, n in ipairs(nodes) do
  if codes[i] == 1 then
    call('PEXPIRE', n.key, int(n.ttl))
    ends[#ends + 1] = int(now_ms + n.ttl)
    ends[#ends + 1] = n.id
    longest = math.max(longest, n.ttl)
  end
end
