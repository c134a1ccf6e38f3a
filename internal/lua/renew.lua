-- renew.lua: extend the leases of some nodes of one service.
--
-- Atomic, because the owner check and the new expiry must not be split: an old
-- process could otherwise revive a node that a newer one owns.
--
-- KEYS[1]    zset  index: node -> end of its lease, ms
-- KEYS[2]    hash  version: epoch, rev, tag
-- KEYS[3]    list  log of the newest changes
-- KEYS[4..]  hash  one per node
-- ARGV[1]    deadline, us of TIME: later, nothing is done
-- ARGV[2..]  id, lease, seq; three per node
--
-- Returns the array of common.lua; per node:
--    1 renewed   0 unknown or older: register again   3 an older call: nothing
--   -1 superseded: the holder's lease is newer   -2 an operator removed it
--   -3 this lease was deregistered
--
-- Publishes nothing.  Clock: Redis TIME.  Cost: O(nodes * log index).
local nodes, codes = {}, {}
local indexed = scores(KEYS[1], 2, 3)
for i = 1, #KEYS - 3 do
  local a = 3 * i - 1
  local n = {key = KEYS[i + 3], id = text(a, ID), lease = text(a + 1, LEASE), seq = number(a + 2)}
  local h = read('HMGET', n.key, 'lease', 'seq', 'ttl', 'gone')
  local holder, seq, gone = h[1], h[2], h[4]
  n.ttl = tonumber(h[3] or '')

  local code = fenced(holder, seq, gone, n.lease, n.seq)
  if not code then
    local ours = holder == n.lease and tonumber(seq) == n.seq
    code = ours and indexed[i] and n.ttl and 1 or 0
  end
  nodes[i], codes[i] = n, code
end

if failure then
  return failure
end

local ends, longest = {}, 0
for i, n in ipairs(nodes) do
  if codes[i] == 1 then
    redis.call('PEXPIRE', n.key, int(n.ttl))
    ends[#ends + 1] = int(now_ms + n.ttl)
    ends[#ends + 1] = n.id
    longest = math.max(longest, n.ttl)
  end
end
extend(KEYS[1], ends, longest)
keep(KEYS[1], KEYS[2], KEYS[3])
return done(KEYS[1], '', codes)
