-- override.lua: set or undo what an operator says of one node, or of all nodes of a service.
--
-- Readers lay it over the records. What is bound to a lease is in force for that lease alone:
-- the next process of the node does not get it. What has an end is in force until then, by
-- TIME. The other scripts never touch it.
--
-- Atomic, because override, version, log and event must agree.
--
-- KEYS[1]  zset  index: node -> end of its lease, ms
-- KEYS[2]  text  version: epoch, rev, tag
-- KEYS[3]  list  log of the newest changes
-- KEYS[4]  hash  override: node, or * for all -> one line for each aspect that is set,
--                "<aspect> <until, ms; 0: no end> <set, ms> <lease, or -> <JSON>"
-- KEYS[5]  hash  the node
-- ARGV[1]  deadline, us of TIME: later, nothing is done
-- ARGV[2]  channel of the events
-- ARGV[3]  nonce of this call, hex
-- ARGV[4]  id, or *
-- ARGV[5]  until, ms of TIME; 0: no end, or in 30 days where it is bound. The same again
--          within a day leaves that end as it is
-- ARGV[6]  1: bound to the lease that holds the node now; else 0
-- ARGV[7]  a note for the log, JSON of at most 8,192 bytes; or ''
-- ARGV[8..] aspect, JSON; two per aspect; '' as JSON undoes it, and with * as the aspect all
--
-- Returns the array of common.lua, and one code:
--    1 changed, published   2 it was so already   0 no such node, or for * no node:
--                             nothing is set; undoing still works
--   -5 the override of this node would have over 8,192 bytes: nothing is set
--
-- Clock: Redis TIME.  Cost: O(log index), and the bytes of up to 512 overrides.
local all = ARGV[4] == '*'
local id = all and '*' or check(4, ID)
local till, bound = check(5, '^%d+$'), check(6, '^[01]$') == '1'
local open = till == '0'
local LATEST, MONTH = 9007199254740, 30 * DAY -- no reader takes a later time, ms: it is in 2255
if #till > 16 or (tonumber(till) or 0) > LATEST then
  fail(MALFORMED, 'ARGV[5]')
elseif open and bound then
  till = int(now_ms + MONTH)
end
check_note(7)
local ASPECT = '^[%w._:@%%-]+$'

-- terms reads a line: aspect, end, when it was set, lease and JSON. It returns nothing for
-- a line that readers leave out.
local function terms(line)
  local aspect, ends, set, lease, json = string.match(line, '^(%S+) (%d+) (%d+) (%S+) (.*)$')
  if not aspect or #ends > 16 or #set > 16 then
    return
  end
  ends, set = tonumber(ends), tonumber(set)
  if ends <= LATEST and set <= LATEST then
    return aspect, ends, set, lease, json
  end
end

local before = text('HGET', KEYS[4], id) or ''
local held, _, last = holder(text('HGET', KEYS[5], 'lease'))
local indexed = text('ZSCORE', KEYS[1], id)
local listed = indexed and held and last ~= 'self' and last ~= 'op'
if all then
  listed = read('PTTL', KEYS[1]) ~= -2
end

-- The lines that stay in force beside those of this call. The aspects of the others are
-- in past: undoing one of these deletes its line, which a clock that is set back, or an
-- older lease, would bring back into force.
local lines, at, past = {}, {}, {}
local function put(line, aspect)
  at[aspect] = at[aspect] or #lines + 1
  lines[at[aspect]] = line
end
for line in string.gmatch(before, '[^\n]+') do
  local aspect, ends, _, lease = terms(line)
  if aspect and (ends == 0 or ends > now_ms) and (lease == '-' or not held or lease == held) then
    put(line, aspect)
  else
    past[aspect or ''] = true
  end
end

local changed, sets = false, false
for a = 8, #ARGV, 2 do
  local aspect, json = ARGV[a], ARGV[a + 1] or ''
  if json == '' and aspect == '*' then
    changed, lines, at = changed or before ~= '', {}, {}
  elseif not string.find(aspect, ASPECT) or string.find(json, '\n', 1, true) then
    fail(MALFORMED, 'ARGV[' .. a .. ']')
  elseif json == '' then
    changed = changed or past[aspect] or (lines[at[aspect]] or '') ~= ''
    put('', aspect)
  else
    sets = true
    local _, ends, set, lease, was = terms(lines[at[aspect]] or '')
    local holds = bound and held or '-'
    local same = lease == holds and was == json
    if same and open and bound then
      same = ends == set + MONTH and now_ms < set + DAY
    elseif same then
      same = ends == tonumber(till)
    end
    if not same then
      changed = true
      put(aspect .. ' ' .. till .. ' ' .. int(now_ms) .. ' ' .. holds .. ' ' .. json, aspect)
    end
  end
end
if failure then
  return failure
end

local code, after = 1, ''
if not changed then
  code = 2
elseif sets and not listed then
  code = 0
else
  local left = {}
  for _, line in ipairs(lines) do
    left[#left + 1] = line ~= '' and line or nil
  end
  after = table.concat(left, '\n')
  code = #after > 8192 and -5 or 1
end

if code == 1 then
  -- The hash expires with the last of its lines, if none stays. While it is small enough
  -- to be read whole, the overrides go that have ended, and those that nodes left behind
  -- which are gone for a day. All is read before the first write.
  local ended, stays, latest = {}, false, now_ms
  local function sweep(node, override)
    local over = true
    for line in string.gmatch(override, '[^\n]+') do
      local aspect, ends, set, lease = terms(line)
      local left = aspect and lease ~= '-' and set + DAY < now_ms and not text('ZSCORE', KEYS[1], node)
      if not (left or aspect and ends > 0 and ends <= now_ms) then
        over, stays, latest = false, stays or (ends or 0) == 0, math.max(latest, ends or 0)
      end
    end
    ended[#ended + 1] = over and node or nil
    return not over
  end
  local size, expires = read('HLEN', KEYS[4]), read('PTTL', KEYS[4])
  local few = type(size) == 'number' and size <= 512
  for _, node in ipairs(few and read('HKEYS', KEYS[4]) or {}) do
    if node ~= id then
      sweep(node, text('HGET', KEYS[4], node) or '')
    end
  end
  local kept = sweep(id, after)
  may(KEYS[4], 'pexpire', stays and 'persist' or nil)
  may(kept and KEYS[4], 'hset')
  may(#ended > 0 and KEYS[4], 'hdel')
  may_change()
  if failure then
    return failure
  end

  if #ended > 0 then
    call('HDEL', KEYS[4], unpack(ended))
  end
  if kept then
    call('HSET', KEYS[4], id, after)
  end
  if stays then
    call('PERSIST', KEYS[4])
  elseif few or expires >= 0 and now_ms + expires < latest then
    call('PEXPIRE', KEYS[4], int(latest - now_ms))
  end
  change('set', id, held or '-', after, ARGV[7])
end
codes[1] = code
