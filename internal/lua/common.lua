-- common.lua: what every script begins with.
--
-- A script is isolated, not rolled back. So each one checks its deadline, its
-- arguments and the types of its keys before its first write, and publishes
-- last.
--
-- Every script returns an array:
--   [1]    0 done   1 late: past the deadline   2 a key is unreadable
--          3 an argument is malformed. Nothing is written unless it is 0.
--   [2]    TIME, us
--   [3]    for 0: why PUBLISH failed, or ''; for 2: the key and what Redis said;
--          for 3: which argument
--   [4]    end of the lease that ends next in the index, ms; 0 where none does
--   [5..]  one number per node, in the order of the call; the script says which
local DONE, LATE, UNREADABLE, MALFORMED = 0, 1, 2, 3

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local now_ms = math.floor(now / 1000)

-- The first thing found wrong; no script writes once it is set.
local failure

local function fail(status, detail)
  failure = failure or {status, now, detail, 0}
end

-- %.0f, because tostring turns large numbers into 1.8e+15.
local function int(n)
  return string.format('%.0f', n)
end

-- read runs a command that writes nothing, and notes where it is refused.
local function read(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    fail(UNREADABLE, key .. ' ' .. reply.err)
    return {}
  end
  return reply
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

-- number returns ARGV[i], which has to be a whole number, not under least (0 if
-- nil), of at most 16 digits: Lua rounds longer ones, and PEXPIRE refuses some.
local function number(i, least)
  local n = string.match(ARGV[i] or '', '^%d+$') and #ARGV[i] <= 16 and tonumber(ARGV[i])
  if not n or n < (least or 0) then
    fail(MALFORMED, 'ARGV[' .. i .. ']')
    return 0
  end
  return n
end

-- text returns ARGV[i], which has to match the pattern.
local function text(i, pattern)
  if not string.match(ARGV[i] or '', pattern) then
    fail(MALFORMED, 'ARGV[' .. i .. ']')
    return ''
  end
  return ARGV[i]
end

local LEASE = '^%d+%-[0-9a-f]+$'
local ID = '^[A-Za-z0-9._:@%%-]+$'
local NONCE = '^[0-9a-f]+$'

-- newer tells whether lease a comes after lease b. What does not parse, comes
-- before all. Nonces have one length and only hex digits, which every locale
-- sorts alike.
local function newer(a, b)
  if a == b then
    return false
  end
  local a_start, a_nonce = string.match(a or '', '^(%d+)%-([0-9a-f]+)$')
  local b_start, b_nonce = string.match(b or '', '^(%d+)%-([0-9a-f]+)$')
  if not a_start or not b_start then
    return a_start ~= nil
  end
  if a_start ~= b_start then
    return tonumber(a_start) > tonumber(b_start)
  end
  return a_nonce > b_nonce
end

-- fenced tells what the holder of a node forbids to a call of this lease and
-- seq: -1 superseded, -2 removed by an operator, -3 deregistered, 3 an older
-- call; nil where it may go on.
local function fenced(holder, holder_seq, gone, lease, seq)
  if newer(holder, lease) then
    return -1
  elseif holder ~= lease then
    return nil
  elseif gone then
    return gone == 'op' and -2 or -3
  elseif (tonumber(holder_seq or '') or 0) > seq then
    return 3
  end
end

-- Whether index, version and log may expire too early or too late, see keep.
local misdated = false

-- The history of a service. open reads it, change adds to it, commit writes it.
local epoch, rev, tag
local entries, events = {}, {}
local missing -- version or log

local function open(version, log, nonce)
  local v = read('HMGET', version, 'epoch', 'rev', 'tag')
  missing = read('LLEN', log) == 0
  epoch, rev, tag = v[1], tonumber(v[2] or ''), v[3]
  if not (epoch and rev and tag) then
    epoch, rev, tag = int(now) .. '-' .. nonce, 0, ''
    missing = true
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

-- DAY is how long the keys of a service outlive its last lease, ms. They get an
-- HOUR more, so that a renewal has to push their end out only once an hour.
local DAY, HOUR = 86400000, 3600000

-- extend sets the ends of leases: score, id, score, id, ...; the longest of these
-- leases lasts ttl ms.
local function extend(index, ends, ttl)
  if #ends > 0 then
    redis.call('ZADD', index, unpack(ends))
    misdated = misdated or redis.call('PTTL', index) < ttl + DAY
  end
end

-- keep has index, version and log expire a day and an hour after the last lease of
-- the index ends; where the index lists no node, in a day.
local function keep(index, version, log)
  if not misdated then
    return
  end
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
  local left = DAY
  if last then
    local lease = (tonumber(last) or 0) - now_ms
    left = DAY + HOUR + math.min(math.max(lease, 0), 1e16) -- PEXPIRE may refuse more
  end
  for _, key in ipairs({index, version, log}) do
    redis.call('PEXPIRE', key, int(left))
  end
end

-- commit writes what change collected, and returns why PUBLISH failed, or ''.
local function commit(index, version, log, channel)
  if #events > 0 then
    redis.call('HSET', version, 'epoch', epoch, 'rev', int(rev), 'tag', tag)
    redis.call('LPUSH', log, unpack(entries))
    redis.call('LTRIM', log, 0, 127)
    misdated = misdated or missing
  end
  keep(index, version, log)
  local refused = ''
  for _, event in ipairs(events) do
    local reply = redis.pcall('PUBLISH', channel, event)
    if type(reply) == 'table' and reply.err then
      refused = reply.err
    end
  end
  return refused
end

local function done(index, refused, codes)
  local first = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  return {DONE, now, refused, math.floor(tonumber(first[2] or 0)), unpack(codes)}
end

if now > number(1) then
  fail(LATE, '')
end
