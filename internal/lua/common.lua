-- common.lua: what every script but announce.lua shares.
--
-- A script is isolated, not rolled back. So each one checks its deadline, its
-- arguments and the types of its keys before its first write, and publishes
-- last.
--
-- Every script returns an array:
--   [1]    0 done   4 done, and the code of every node is 1: the codes are left out
--          1 late: past the deadline   2 a key is unreadable   3 an argument is
--          malformed: nothing is written
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

-- may notes as a failure that this user lacks the right to a command which is about to write:
-- a script that is refused half-way keeps what it wrote. Redis 7 and later tell before.
local function may(key, ...)
  for _, command in ipairs(key and redis.acl_check_cmd and {...} or {}) do
    if not redis.acl_check_cmd(command, key) then
      fail(UNREADABLE, key .. " NOPERM this user has no permissions to run the '" .. command .. "' command on this key")
    end
  end
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

-- check_note checks ARGV[i], a note for the log.
local function check_note(i)
  if #(ARGV[i] or '') > 8192 then
    fail(MALFORMED, 'ARGV[' .. i .. ']')
  end
end

local ID = '^[%w._:@%%-]+$'

-- HOLD is how a lease and its seq begin a text.
local HOLD = '^(%d+%-[0-9a-f]+) (%d+)'

-- hold reads ARGV[i], by a pattern that begins so, and returns lease, seq, and the TTL
-- where the pattern captures it. Numbers have at most 16
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

-- newer says whether lease a, which may be nil, comes after lease b. Nonces have
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

-- fenced returns what the holder of a node forbids to a call of this lease and
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

if #check(1, '^%d+$') > 16 then
  fail(MALFORMED, 'ARGV[1]')
elseif now > tonumber(ARGV[1]) then
  fail(LATE, '')
end

-- What a script decides and commit.lua writes: a code for each node; the ends of leases
-- (score, id, score, id, ...), of which the longest lasts so many ms; and the changes, as
-- entries of the log and as events.
local codes, ends, longest, entries, events = {}, {}, 0, {}, {}

-- The history of the service, read by history.lua; whether version or log is missing; how
-- many entries the log has.
local epoch, rev, tag
local missing, logged = false, 0

-- Whether index, version and log may expire too early or too late.
local misdated = false
