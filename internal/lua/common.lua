-- common.lua: the helpers of the scripts.
--
-- A script is isolated, not rolled back. So each one checks its deadline, its
-- arguments and the types of its keys before its first write, and publishes
-- last.
--
-- Every script returns an array:
--   [1]    0 done   1 late: past the deadline   2 a key is unreadable
--          3 an argument is malformed. Nothing is written unless it is 0 or 4.
--          4 done, and the code of every node is 1: the codes are left out
--   [2]    TIME, us
--   [3]    for 0: why PUBLISH failed, or ''; for 2: the key and what Redis said;
--          for 3: which argument
--   [4]    end of the lease that ends next in the index, ms; 0 where none does
--   [5..]  one number per node, in the order of the call; the script says which
local DONE, LATE, UNREADABLE, MALFORMED = 0, 1, 2, 3

-- The first thing found wrong; no script writes once it is set.
local failure

local function fail(status, detail)
  failure = failure or {status, now, detail, 0}
end

-- int is a whole number as a text: tostring turns large ones into 1.8e+15. Commands get
-- texts, since Redis prints numbers as floating point, which is slow.
local function int(n)
  return string.format('%d', n)
end

-- read runs a command that writes nothing, and notes where it is refused.
local function read(command, key, ...)
  local reply = pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    fail(UNREADABLE, key .. ' ' .. reply.err)
    return {}
  end
  return reply
end

-- text is read where the reply is a text: nil where there is none.
local function text(command, ...)
  local reply = read(command, ...)
  return type(reply) == 'string' and reply or nil
end

-- scores returns, for the ids in every step-th argument from first on, the ends
-- of their leases by the index, false where it lists none: one command for all.
local function scores(index, first, step)
  local ids = {}
  for i = first, #ARGV, step do
    ids[#ids + 1] = ARGV[i]
  end
  return #ids > 0 and read('ZMSCORE', index, unpack(ids)) or {}
end

-- check returns ARGV[i], which has to match the pattern, or ''.
local function check(i, pattern)
  if string.find(ARGV[i] or '', pattern) then
    return ARGV[i]
  end
  fail(MALFORMED, 'ARGV[' .. i .. ']')
  return ''
end

local ID = '^[%w._:@%%-]+$'
local NONCE = '^[0-9a-f]+$'

-- HOLD is how a lease and its seq begin a text, HOLD_TTL a whole text with the TTL.
local HOLD = '^(%d+%-[0-9a-f]+) (%d+)'
local HOLD_TTL = HOLD .. ' (%d+)$'

-- hold reads ARGV[i] by one of these and returns the parts. Numbers have at most 16
-- digits: Lua rounds longer ones, and PEXPIRE refuses some.
local function hold(i, pattern)
  local lease, seq, ttl = string.match(ARGV[i] or '', pattern)
  if not lease or #seq > 16 or ttl and (#ttl > 16 or tonumber(ttl) < 1) then
    fail(MALFORMED, 'ARGV[' .. i .. ']')
    return '0-0', 0, 1
  end
  return lease, tonumber(seq), tonumber(ttl)
end

-- holder reads the field lease of a node's hash: the lease, its seq, and the TTL, or
-- in a tombstone who ended the lease ('self' or 'op'). It returns nothing for a field
-- that is missing or foreign.
local function holder(held)
  local lease, seq, ttl = string.match(held or '', HOLD .. ' (%d+) %d+$')
  if lease then
    return lease, tonumber(seq), tonumber(ttl)
  end
  local gone
  lease, seq, gone = string.match(held or '', HOLD .. ' (%a+)$')
  if gone == 'self' or gone == 'op' then
    return lease, tonumber(seq), gone
  end
end

-- newer tells whether lease a, which may be nil, comes after lease b. Nonces have
-- one length and only hex digits, which every locale sorts alike.
local function newer(a, b)
  if not a or a == b then
    return false
  end
  local a_start, a_nonce = string.match(a, '^(%d+)%-(.*)$')
  local b_start, b_nonce = string.match(b, '^(%d+)%-(.*)$')
  if a_start ~= b_start then
    return tonumber(a_start) > tonumber(b_start)
  end
  return a_nonce > b_nonce
end

-- fenced tells what the holder of a node forbids to a call of this lease and
-- seq: -1 superseded, -2 removed by an operator, -3 deregistered, 3 an older
-- call; nil where it may go on.
local function fenced(held, held_seq, last, lease, seq)
  if newer(held, lease) then
    return -1
  elseif held ~= lease then
    return nil
  elseif last == 'op' then
    return -2
  elseif last == 'self' then
    return -3
  elseif held_seq > seq then
    return 3
  end
end

-- Whether index, version and log may expire too early or too late, see keep.
local misdated = false

-- The history of a service. open reads it, change adds to it, commit writes it.
local epoch, rev, tag
local entries, events = {}, {}
local unversioned = false -- the version is missing
local logged -- entries that the log has

local function open(version, log, nonce)
  local v = text('GET', version)
  logged = read('LLEN', log)
  epoch, rev, tag = string.match(v or '', '^(%S+) (%d+) (%S+)$')
  if not epoch then
    epoch, rev, tag = int(now) .. '-' .. nonce, 0, ''
    unversioned = true
  end
end

local now_us = int(now)

local function change(kind, id, lease, payload, nonce)
  local prev = tag
  rev = rev + 1
  tag = redis.sha1hex(prev .. ' ' .. nonce .. ' ' .. kind .. ' ' .. id .. ' ' .. now_us)
  local what = kind .. ' ' .. lease .. ' ' .. id
  entries[#entries + 1] = tag .. ' ' .. what
  events[#events + 1] = '1 ' .. epoch .. ' ' .. int(rev) .. ' ' .. prev .. ' ' .. tag .. ' ' .. now_us
    .. ' ' .. what .. '\n' .. payload
end

-- extend sets the ends of leases: score, id, score, id, ...; the longest of these
-- leases lasts ttl ms.
local function extend(index, ends, ttl)
  if #ends > 0 then
    call('ZADD', index, unpack(ends))
    misdated = misdated or call('PTTL', index) < ttl + DAY
  end
end

-- keep has index, version and log expire a day and an hour after the last lease of
-- the index ends; where the index lists no node, in a day.
local function keep(index, version, log)
  if not misdated then
    return
  end
  local last = call('ZRANGE', index, '-1', '-1', 'WITHSCORES')[2]
  local left = DAY
  if last then
    local lease = (tonumber(last) or 0) - now_ms
    left = DAY + HOUR + math.min(math.max(lease, 0), 1e16) -- PEXPIRE may refuse more
  end
  for _, key in ipairs({index, version, log}) do
    call('PEXPIRE', key, int(left))
  end
end

-- commit writes what change collected, and returns why PUBLISH failed, or ''. The
-- log is cut to 128 entries once it has 16 more.
local function commit(index, version, log, channel)
  if #events > 0 then
    call('SET', version, epoch .. ' ' .. int(rev) .. ' ' .. tag, 'KEEPTTL')
    call('LPUSH', log, unpack(entries))
    if logged + #entries > 144 then
      call('LTRIM', log, '0', '127')
    end
    misdated = misdated or unversioned or logged == 0
  end
  keep(index, version, log)
  local refused = ''
  for _, event in ipairs(events) do
    local reply = pcall('PUBLISH', channel, event)
    if type(reply) == 'table' and reply.err then
      refused = reply.err
    end
  end
  return refused
end

local function done(index, refused, codes)
  local first = call('ZRANGE', index, '0', '0', 'WITHSCORES')
  return {DONE, now, refused, math.floor(tonumber(first[2] or 0)), unpack(codes)}
end

if #check(1, '^%d+$') > 16 then
  fail(MALFORMED, 'ARGV[1]')
elseif now > tonumber(ARGV[1]) then
  fail(LATE, '')
end
