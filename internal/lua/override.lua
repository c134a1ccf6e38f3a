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
-- ARGV[5]  until, ms of TIME; 0: no end, or in 30 days where it is bound
-- ARGV[6]  1: bound to the lease that holds the node now; else 0
-- ARGV[7]  a note for the log, JSON; or ''
-- ARGV[8..] aspect, JSON; two per aspect; '' as JSON undoes it, and with * as the aspect all
--
-- Returns the array of common.lua, and one code:
--    1 changed, published   2 it was so already   0 no such node, or for * no node:
--                             nothing is set; undoing works still
--   -5 the override of this node would have over 8,192 bytes: nothing is set
--
-- Clock: Redis TIME.  Cost: O(log index), and the bytes of up to 512 overrides.
local all = ARGV[4] == '*'
local id = all and '*' or check(4, ID)
local till, bound = check(5, '^%d+$'), check(6, '^[01]$') == '1'
local open = till == '0'
if #till > 16 then
  fail(MALFORMED, 'ARGV[5]')
elseif open and bound then
  till = int(now_ms + 30 * DAY)
end
local LINE = '^(%S+) (%d+) (%d+) (%S+) (.*)$'
local ASPECT = '^[%w._:@%%-]+$'

local before = text('HGET', KEYS[4], id) or ''
local held, _, last = holder(text('HGET', KEYS[5], 'lease'))
local indexed = text('ZSCORE', KEYS[1], id)
local listed = indexed and held and last ~= 'self' and last ~= 'op'
if all then
  listed = read('PTTL', KEYS[1]) ~= -2
end

-- The lines that stay in force beside those of this call.
local lines, at = {}, {}
local function put(line, aspect)
  at[aspect] = at[aspect] or #lines + 1
  lines[at[aspect]] = line
end
for line in string.gmatch(before, '[^\n]+') do
  local aspect, ends, _, lease = string.match(line, LINE)
  local over = not aspect or (tonumber(ends) > 0 and tonumber(ends) <= now_ms)
    or (lease ~= '-' and held and lease ~= held)
  if not over then
    put(line, aspect)
  end
end

local changed, sets = false, false
for a = 8, #ARGV, 2 do
  local aspect, json = ARGV[a], ARGV[a + 1] or ''
  if json == '' and aspect == '*' then
    changed, lines, at = changed or #lines > 0, {}, {}
  elseif not string.find(aspect, ASPECT) or string.find(json, '\n', 1, true) then
    fail(MALFORMED, 'ARGV[' .. a .. ']')
  elseif json == '' then
    changed = changed or (lines[at[aspect]] or '') ~= ''
    put('', aspect)
  else
    sets = true
    local _, ends, _, lease, was = string.match(lines[at[aspect]] or '', LINE)
    local holds = bound and held or '-'
    if lease ~= holds or was ~= json or ends ~= till and not (open and bound) then
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
  if after == '' then
    call('HDEL', KEYS[4], id)
  else
    call('HSET', KEYS[4], id, after)
  end

  -- The hash expires with the last of them, if none stays. While it is small enough to be
  -- read whole, what has ended goes, and what nodes left behind that are gone for a day.
  local few, stays, latest = call('HLEN', KEYS[4]) <= 512, false, now_ms
  for _, one in ipairs(few and call('HKEYS', KEYS[4]) or {id}) do
    local gone = true
    for line in string.gmatch(call('HGET', KEYS[4], one) or '', '[^\n]+') do
      local _, ends, set, lease = string.match(line, LINE)
      ends = tonumber(ends or 0)
      local left = lease and lease ~= '-' and tonumber(set) + DAY < now_ms and not call('ZSCORE', KEYS[1], one)
      if not (left or ends > 0 and ends <= now_ms) then
        gone, stays, latest = false, stays or ends == 0, math.max(latest, ends)
      end
    end
    if gone then
      call('HDEL', KEYS[4], one)
    end
  end
  local expires = call('PTTL', KEYS[4])
  if stays then
    call('PERSIST', KEYS[4])
  elseif few or expires >= 0 and now_ms + expires < latest then
    call('PEXPIRE', KEYS[4], int(latest - now_ms))
  end
  change('set', id, held or '-', after, ARGV[7])
end
codes[1] = code
