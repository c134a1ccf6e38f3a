-- reap.lua: remove nodes of one service whose leases have run out.
--
-- The caller knows of overdue nodes from an answer of Redis, and sets the
-- deadline a second after that answer: a reap that waited in a stopped Redis
-- would remove every node that could not renew meanwhile.
--
-- Atomic, because a node may renew between the check and the removal.
--
-- KEYS[1]    zset  index: node -> end of its lease, ms
-- KEYS[2]    text  version: epoch, rev, tag
-- KEYS[3]    list  log of the newest changes
-- KEYS[4..]  hash  one per node
-- ARGV[1]    deadline, us of TIME: later, nothing is done
-- ARGV[2]    channel of the events
-- ARGV[3]    nonce of this call, hex
-- ARGV[4..]  id; one per node
--
-- Returns the array of common.lua; per node:
--    1 removed, published   2 alive: the index was behind and is mended
--    0 not due, or not in the index
--
-- The event is exp; its note in the log has the end of the lease by the index. Its lease is - because an expired hash takes its lease with
-- it; only a hash that lost its expiry, and so ends here, still has it. A
-- tombstone that the index still lists is a deregistration: del, with its lease.
--
-- Clock: Redis TIME.  Cost: O(nodes * log index).
local nodes = {}
local due = scores(KEYS[1], 4, 1)
for i = 1, #KEYS - 3 do
  local n = {key = KEYS[i + 3], id = check(i + 3, ID)}
  local score = tonumber(due[i] or '')
  local held, _, last = holder(text('HGET', n.key, 'lease'))
  n.score, n.lease, n.gone, n.left = score, held or '-', last == 'self' or last == 'op', read('PTTL', n.key)

  local code = 0
  if score and score <= now_ms then
    code = (n.gone or n.left == -1 or n.left == -2) and 1 or 2
  end
  nodes[i], codes[i] = n, code
end

may(KEYS[4], 'del')
may(KEYS[1], 'zrem', 'zadd')
may_change()
if failure then
  return failure
end

for i, n in ipairs(nodes) do
  if codes[i] == 1 then
    call('ZREM', KEYS[1], n.id)
    misdated = true
    if n.left == -1 then
      call('DEL', n.key)
    end
    if n.gone then
      change('del', n.id, n.lease, '')
    else
      change('exp', n.id, n.lease, '', '{"until":' .. int(n.score) .. '}')
    end
  elseif codes[i] == 2 then
    ends[#ends + 1] = int(now_ms + n.left)
    ends[#ends + 1] = n.id
    longest = math.max(longest, n.left)
  end
end
