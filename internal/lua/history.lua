-- history.lua: what every script begins with that makes changes: it reads the history of
-- the service. KEYS[2] is the version, KEYS[3] the log, ARGV[3] the nonce of the call.
local nonce = check(3, '^[0-9a-f]+$')
local now_us = int(now)
logged = read('LLEN', KEYS[3])
epoch, rev, tag = string.match(text('GET', KEYS[2]) or '', '^(%S+) (%d+) (%S+)$')
missing = not epoch or logged == 0
if not epoch then
  epoch, rev, tag = now_us .. '-' .. nonce, 0, ''
end

-- may_change is may for what commit.lua writes after a change.
local function may_change()
  may(KEYS[1], 'pttl', 'zrange', 'pexpire')
  may(KEYS[2], 'set', 'pexpire')
  may(KEYS[3], 'lpush', 'ltrim', 'pexpire')
end

-- change notes a change of a node. The note, if any, is JSON for the log.
local function change(kind, id, lease, payload, note)
  local prev = tag
  rev = rev + 1
  tag = redis.sha1hex(prev .. ' ' .. nonce .. ' ' .. kind .. ' ' .. id .. ' ' .. now_us)
  local what = tag .. ' ' .. now_us .. ' ' .. kind .. ' ' .. lease .. ' ' .. id
  entries[#entries + 1] = note and note ~= '' and what .. ' ' .. note or what
  events[#events + 1] = '1 ' .. epoch .. ' ' .. int(rev) .. ' ' .. prev .. ' ' .. what .. '\n' .. payload
end
