-- commit.lua: how the scripts end that change or renew nodes. It writes the index, the
-- version and the log, says when these expire, and publishes.
-- KEYS[1..3] are index, version and log, ARGV[2] is the channel where there are events.
if #ends > 0 then
  call('ZADD', KEYS[1], unpack(ends))
  misdated = misdated or call('PTTL', KEYS[1]) < longest + DAY
end

if #events > 0 then
  call('SET', KEYS[2], epoch .. ' ' .. int(rev) .. ' ' .. tag, 'KEEPTTL')
  call('LPUSH', KEYS[3], unpack(entries))
  if logged + #entries > 1152 then -- not each time
    call('LTRIM', KEYS[3], '0', '1023')
  end
  misdated = misdated or missing
end

-- All three expire a day and an hour after the last lease of the index ends; where the
-- index lists no node, in a day.
if misdated then
  local last = call('ZRANGE', KEYS[1], '-1', '-1', 'WITHSCORES')[2]
  local left = DAY
  if last then
    local lease = (tonumber(last) or 0) - now_ms
    left = DAY + HOUR + math.min(math.max(lease, 0), 1e16) -- PEXPIRE may refuse more
  end
  for i = 1, 3 do
    call('PEXPIRE', KEYS[i], int(left))
  end
end

local unpublished = ''
for _, event in ipairs(events) do
  local reply = pcall('PUBLISH', ARGV[2], event)
  if type(reply) == 'table' and reply.err then
    unpublished = reply.err
  end
end

local next = call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')[2]
return {DONE, now, unpublished, math.floor(tonumber(next or 0)), unpack(codes)}
