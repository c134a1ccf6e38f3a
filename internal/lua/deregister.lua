-- deregister.lua: end the leases of up to 100 nodes of one service, for good.
--
-- Leaves a tombstone for 60 s, also where the node was not there, so that a late
-- register of the same lease brings nothing back.
--
-- Atomic, because the owner check must not be split from the removal.
--
-- KEYS[1]    zset  index: node -> end of its lease, ms
-- KEYS[2]    text  version: epoch, rev, tag
-- KEYS[3]    list  log of the newest changes
-- KEYS[4..]  hash  one per node
-- ARGV[1]    deadline, us of TIME: later, nothing is done
-- ARGV[2]    channel of the events
-- ARGV[3]    nonce of this call, hex
-- ARGV[4]    whose act: self; op, an operator; or undo: self, but only where the
--            holder is this very lease, for a register whose outcome is unknown:
--            if it never came, an older lease may live, and is left alone
-- ARGV[5]    a note for the log, JSON of at most 8,192 bytes; or ''
-- ARGV[6..]  id, "<lease> <seq>"; two per node
--
-- Returns the array of common.lua; per node:
--    1 removed, published   0 was not there: only the tombstone is set, or with
--                             undo nothing
--   -1 superseded: the holder's lease is newer, nothing is done to this node
--
-- Clock: Redis TIME.  Cost: O(nodes * log index).
local by = ARGV[4]
local undo = by == 'undo'
if undo then
  by = 'self'
elseif by ~= 'self' and by ~= 'op' then
  fail(MALFORMED, 'ARGV[4]')
end

check_note(5)

local nodes = {}
local indexed = scores(KEYS[1], 6, 2)
for i = 1, #KEYS - 3 do
  local a = 2 * i + 4
  local lease, seq = hold(a + 1, HOLD .. '$')
  local held, _, last = holder(text('HGET', KEYS[i + 3], 'lease'))
  local n = {key = KEYS[i + 3], id = check(a, ID), lease = lease, tomb = lease .. ' ' .. int(seq) .. ' ' .. by}
  n.buried = held == lease and last == by
  nodes[i], codes[i] = n, newer(held, lease) and -1 or (indexed[i] and 1 or 0)
  if undo and held ~= lease then
    codes[i], n.buried = math.min(codes[i], 0), true
  end
end

may(KEYS[4], 'del', 'hset', 'pexpire')
may(KEYS[1], 'zrem')
may_change()
if failure then
  return failure
end

for i, n in ipairs(nodes) do
  if codes[i] >= 0 and not n.buried then
    call('DEL', n.key)
    call('HSET', n.key, 'lease', n.tomb)
    call('PEXPIRE', n.key, '60000')
  end
  if codes[i] == 1 then
    call('ZREM', KEYS[1], n.id)
    misdated = true
    change('del', n.id, n.lease, '', ARGV[5])
  end
end
