-- register.lua: take or refresh the leases of up to 100 nodes of one service,
-- all or none.
--
-- Atomic, because the owner check must not be split from the writes, and hash,
-- index, version, log and event must agree.
--
-- KEYS[1]    zset  index: node -> end of its lease, ms
-- KEYS[2]    text  version: epoch, rev, tag
-- KEYS[3]    list  log of the newest changes
-- KEYS[4..]  hash  one per node
-- ARGV[1]    deadline, us of TIME: later, nothing is done
-- ARGV[2]    channel of the events
-- ARGV[3]    nonce of this call, hex
-- ARGV[4]    0, or the sum of 1 exclusive: refuse to take over from a lease that lives, and
--            2 guess: the leases were chosen by an estimate of TIME, without a look at
--            the holders; refuse one that starts after TIME, unless it has the node
-- ARGV[5..]  id, "<lease> <seq> <ttl, ms>", record, API document or ''; four per node
--
-- Returns the array of common.lua; per node:
--    1 registered, published   2 refreshed quietly   3 an older call: nothing
--    0 nothing, because another node of the call was refused
--   -1 superseded: the holder's lease is newer, or a guess is ahead
--   -2 an operator removed it   -3 this lease was deregistered
--   -4 another lease lives, and exclusive was asked
-- and behind these the holder's lease, or '', for each node with -1 or -4, in the order of
-- the call: a lease that starts later than that one would be taken.
--
-- Clock: Redis TIME.  Cost: O(nodes * log index), and the bytes of the records.
local flags = check(4, '^[0-3]$')
local exclusive, guess = flags == '1' or flags == '3', flags == '2' or flags == '3'

local nodes, refused, holders = {}, false, {}
local indexed = scores(KEYS[1], 5, 4)
for i = 1, #KEYS - 3 do
  local a = 4 * i + 1
  local lease, seq, ttl = hold(a + 1, HOLD .. ' (%d+)$')
  local n = {
    key = KEYS[i + 3], id = check(a, ID), fence = ARGV[a + 1], data = check(a + 2, '.'), apis = ARGV[a + 3] or '',
    lease = lease, ttl = ttl, held = text('HGET', KEYS[i + 3], 'lease'),
  }
  local held, held_seq, last = holder(n.held)
  local code = fenced(held, held_seq, last, lease, seq)
  if not code and guess and held ~= lease and tonumber(string.match(lease, '^%d+')) > now then
    code = -1
  end
  if code then
    refused = refused or code < 0
    holders[#holders + 1] = code == -1 and (held or '') or nil
  elseif held == lease then
    local same = held_seq == seq and last == ttl and text('HGET', n.key, 'data') == n.data
    code = same and indexed[i] and 2 or 1
  elseif exclusive and n.held and last ~= 'self' and last ~= 'op' then
    code, refused = -4, true
    holders[#holders + 1] = held or ''
  else
    code = 1
  end
  nodes[i], codes[i] = n, code
end

may(KEYS[4], 'del', 'hset', 'pexpire')
may(KEYS[1], 'zadd')
may_change()
if failure then
  return failure
end
for i, n in ipairs(nodes) do
  if refused then
    codes[i] = math.min(codes[i], 0)
  elseif codes[i] ~= 3 then
    if codes[i] == 1 then
      misdated = misdated or (tonumber(indexed[i] or '') or 0) > now_ms + n.ttl -- a shorter lease
      change('put', n.id, n.lease, n.data)
      if n.held then
        call('DEL', n.key)
      end
      local held = n.fence .. ' ' .. int(rev)
      if n.apis == '' then
        call('HSET', n.key, 'lease', held, 'data', n.data)
      else
        call('HSET', n.key, 'lease', held, 'data', n.data, 'apis', n.apis)
      end
    end
    call('PEXPIRE', n.key, int(n.ttl))
    ends[#ends + 1] = int(now_ms + n.ttl)
    ends[#ends + 1] = n.id
    longest = math.max(longest, n.ttl)
  end
end
for _, holder in ipairs(holders) do
  codes[#codes + 1] = holder
end
