-- register_fast.lua: how nearly every register.lua goes: the nodes of the call are all new
-- (no hash, not listed), or all held by the lease that the call names, with a lower seq, a
-- TTL that is not longer, and listed. Where anything is otherwise, it has done nothing that
-- register.lua does not do again, and register.lua goes on. Its ZADD is the first write,
-- and comes after all other checks.
do
  local match, find = string.match, string.find
  local size, nonce, deadline = #KEYS - 3, ARGV[3] or '', ARGV[1] or ''
  local fast = size > 0 and #deadline <= 16 and find(deadline, '^%d+$') and now <= tonumber(deadline)
    and find(nonce, '^[0-9a-f]+$') and (ARGV[4] == '0' or ARGV[4] == '1')

  local held, longest, ends, n = fast and pcall('HGET', KEYS[4], 'lease'), 0, {'NX', 'CH'}, 2
  local known = held ~= false
  if known then
    ends[1] = 'XX'
  end
  for i = 4, fast and #KEYS or 0 do
    local a = 4 * i - 11
    local id, fence, data = ARGV[a] or '', ARGV[a + 1] or '', ARGV[a + 2] or ''
    local lease, seq, ttl = match(fence, '^(%d+%-[0-9a-f]+) (%d+) (%d+)$')
    fast = lease and #seq <= 16 and #ttl <= 16 and data ~= '' and find(id, '^[%w._:@%%-]+$')
    ttl = tonumber(ttl)
    if i > 4 then
      held = pcall('HGET', KEYS[i], 'lease')
    end
    if fast and known then
      local by, last_seq, last_ttl = match(type(held) == 'string' and held or '', '^(%S+) (%d+) (%d+) %d+$')
      fast = by == lease and tonumber(last_seq) < tonumber(seq) and tonumber(last_ttl) <= ttl
    elseif fast then
      fast = held == false
    end
    if not fast or ttl < 1 then
      fast = false
      break
    end
    ends[n + 1], ends[n + 2], n = string.format('%d', now_ms + ttl), id, n + 2
    if ttl > longest then
      longest = ttl
    end
  end

  local epoch, rev, tag, logged
  if fast then
    local version = pcall('GET', KEYS[2])
    epoch, rev, tag = match(type(version) == 'string' and version or '', '^(%S+) (%d+) (%S+)$')
    logged = pcall('LLEN', KEYS[3])
  end
  if epoch and type(logged) == 'number' and logged > 0 and call('PTTL', KEYS[1]) >= longest + DAY
    and pcall('ZADD', KEYS[1], unpack(ends)) == size then
    local sha1hex, entries, events, now_us = redis.sha1hex, {}, {}, string.format('%d', now)
    for i = 4, #KEYS do
      local a = 4 * i - 11
      local key, id, fence, data, apis, prev = KEYS[i], ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3] or '', tag
      local lease, ttl = match(fence, '^(%S+) %d+ (%d+)$')
      rev = string.format('%d', rev + 1)
      tag = sha1hex(prev .. ' ' .. nonce .. ' put ' .. id .. ' ' .. now_us)
      local what = ' put ' .. lease .. ' ' .. id
      entries[i - 3] = tag .. what
      events[i - 3] = '1 ' .. epoch .. ' ' .. rev .. ' ' .. prev .. ' ' .. tag .. ' ' .. now_us .. what .. '\n' .. data
      if known then
        call('DEL', key)
      end
      if apis == '' then
        call('HSET', key, 'lease', fence .. ' ' .. rev, 'data', data)
      else
        call('HSET', key, 'lease', fence .. ' ' .. rev, 'data', data, 'apis', apis)
      end
      call('PEXPIRE', key, ttl)
    end
    call('SET', KEYS[2], epoch .. ' ' .. rev .. ' ' .. tag, 'KEEPTTL')
    call('LPUSH', KEYS[3], unpack(entries))
    if logged + size > 144 then -- not each time
      call('LTRIM', KEYS[3], '0', '127')
    end
    local unpublished = ''
    for i = 1, size do
      local reply = pcall('PUBLISH', ARGV[2], events[i])
      if type(reply) == 'table' then
        unpublished = reply.err
      end
    end
    return {4, now, unpublished, tonumber(call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')[2])}
  end
end
