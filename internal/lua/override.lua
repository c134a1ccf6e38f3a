-- override.lua: set or undo what an operator says of one node.
--
-- Readers lay it over the node's record. register and deregister never touch
-- it, so it holds across restarts of the node.
--
-- Atomic, because override, version, log and event must agree.
--
-- KEYS[1]  zset  index: node -> end of its lease, ms
-- KEYS[2]  text  version: epoch, rev, tag
-- KEYS[3]  list  log of the newest changes
-- KEYS[4]  hash  override: node -> JSON
-- KEYS[5]  hash  the node
-- ARGV[1]  deadline, us of TIME: later, nothing is done
-- ARGV[2]  channel of the events
-- ARGV[3]  nonce of this call, hex
-- ARGV[4]  id
-- ARGV[5]  the override, JSON; '' undoes it
--
-- Returns the array of common.lua, and one code:
--    1 changed, published   2 it was so already   0 no such node: nothing is set
--
-- Clock: Redis TIME.  Cost: O(log index).
local id, override = check(4, ID), ARGV[5] or ''
local indexed = text('ZSCORE', KEYS[1], id)
local before = text('HGET', KEYS[4], id) or ''
local held = holder(text('HGET', KEYS[5], 'lease'))
if failure then
  return failure
end

local code = 1
if before == override then
  code = 2
elseif override ~= '' and not indexed then
  code = 0
elseif override == '' then
  call('HDEL', KEYS[4], id)
else
  call('HSET', KEYS[4], id, override)
end
if code == 1 then
  change('set', id, held or '-', override)
end
codes[1] = code
