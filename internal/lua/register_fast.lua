-- register_fast.lua: how nearly every register.lua goes: the nodes of the call are all new
-- (no hash, not listed), or all changed (held by the lease that the call names, with a lower
-- seq and a TTL that is not longer, and listed), or all as they were. Where anything is
-- otherwise, it has done nothing that register.lua does not do again, and register.lua goes
-- on. The first write comes after all checks. It is a ZADD; of nodes that are not new it counts
-- them, which is a check too. Index, version and log come before the hashes: where a right is
-- missing for the rest, readers see that something has changed and read again, and no hash
-- without an expiry is left that the index does not list.
do
  local match, find, sub, format = string.match, string.find, string.sub, string.format
  local size, nonce, deadline = #KEYS - 3, ARGV[3] or '', ARGV[1] or ''
  local fast = size > 0 and #deadline <= 16 and find(deadline, '^%d+$') and now <= tonumber(deadline)
    and find(nonce, '^[0-9a-f]+$') and find(ARGV[4] or '', '^[0-3]$')
  local guess = fast and tonumber(ARGV[4]) >= 2

  local kind -- of all nodes: 'new', 'changed' or 'same'
  local longest, ids, leases, ttls, ends, n, last_ttl, lasts = 0, {}, {}, {}, {'XX', 'CH'}, 2
  for i = 4, fast and #KEYS or 0 do
    local a = 4 * i - 11
    local id, fence, data = ARGV[a] or '', ARGV[a + 1] or '', ARGV[a + 2] or ''
    local lease, seq, ttl = match(fence, '^(%d+%-[0-9a-f]+) (%d+) ([1-9]%d*)$')
    fast = lease and #seq <= 16 and #ttl <= 16 and data ~= '' and find(id, '^[%w._:@%%-]+$')
    if not fast then
      break
    end
    if ttl ~= last_ttl then
      last_ttl, longest = ttl, math.max(longest, tonumber(ttl))
      lasts = format('%d', now_ms + ttl)
    end
    local held, is = pcall('HGET', KEYS[i], 'lease'), nil
    if held == false then
      is = (not guess or tonumber(match(lease, '^%d+')) <= now) and 'new'
    elseif type(held) == 'string' and sub(held, 1, #fence + 1) == fence .. ' ' then
      is = pcall('HGET', KEYS[i], 'data') == data and 'same'
    elseif type(held) == 'string' then
      local by, held_seq, held_ttl = match(held, '^(%S+) (%d+) (%d+) %d+$')
      is = by == lease and tonumber(held_seq) < tonumber(seq) and tonumber(held_ttl) <= tonumber(ttl) and 'changed'
    end
    kind = kind or is
    if not is or is ~= kind then
      fast = false
      break
    end
    ids[i - 3], leases[i - 3], ttls[i - 3] = id, lease, ttl
    ends[n + 1], ends[n + 2], n = lasts, id, n + 2
  end
  if fast and kind == 'new' then
    ends[1] = 'NX'
    local listed = pcall('ZMSCORE', KEYS[1], unpack(ids))
    for i = 1, size do
      fast = fast and listed[i] == false
    end
  end

  local epoch, rev, tag, logged
  if fast then
    local version = pcall('GET', KEYS[2])
    epoch, rev, tag = match(type(version) == 'string' and version or '', '^(%S+) (%d+) (%S+)$')
    logged = pcall('LLEN', KEYS[3])
    fast = epoch and type(logged) == 'number' and logged > 0
  end
  -- A hash that is deleted has to be written again, and no record is shown whose register is
  -- refused after it was written.
  local may = redis.acl_check_cmd
  if fast and kind ~= 'same' and may then
    fast = may('pexpire', KEYS[4]) and may('zrange', KEYS[1]) and (kind == 'new' or may('hset', KEYS[4]))
  end
  if fast and call('PTTL', KEYS[1]) >= longest + DAY
    and (kind == 'new' or pcall('ZADD', KEYS[1], unpack(ends)) == size) then
    local reply = {4, now, '', 0}
    if kind == 'same' then
      reply[1] = 0
      for i = 4, #KEYS do
        call('PEXPIRE', KEYS[i], ttls[i - 3])
        reply[i + 1] = 2
      end
    else
      local sha1hex, entries, events, held, now_us = redis.sha1hex, {}, {}, {}, format('%d', now)
      for i = 1, size do
        local a = 4 * i + 1
        local id, prev = ids[i], tag
        rev = format('%d', rev + 1)
        tag = sha1hex(prev .. ' ' .. nonce .. ' put ' .. id .. ' ' .. now_us)
        local what = tag .. ' ' .. now_us .. ' put ' .. leases[i] .. ' ' .. id
        entries[i], held[i] = what, ARGV[a + 1] .. ' ' .. rev
        events[i] = '1 ' .. epoch .. ' ' .. rev .. ' ' .. prev .. ' ' .. what .. '\n' .. ARGV[a + 2]
      end
      if kind == 'new' then
        call('ZADD', KEYS[1], unpack(ends))
      end
      call('SET', KEYS[2], epoch .. ' ' .. rev .. ' ' .. tag, 'KEEPTTL')
      call('LPUSH', KEYS[3], unpack(entries))
      if logged + size > 1152 then -- not each time
        call('LTRIM', KEYS[3], '0', '1023')
      end
      for i = 1, size do
        local key, a = KEYS[i + 3], 4 * i + 1
        local data, apis = ARGV[a + 2], ARGV[a + 3] or ''
        if kind == 'changed' then
          call('DEL', key)
        end
        if apis == '' then
          call('HSET', key, 'lease', held[i], 'data', data)
        else
          call('HSET', key, 'lease', held[i], 'data', data, 'apis', apis)
        end
        call('PEXPIRE', key, ttls[i])
      end
      for i = 1, size do
        local sent = pcall('PUBLISH', ARGV[2], events[i])
        if type(sent) == 'table' then
          reply[3] = sent.err
        end
      end
    end
    reply[4] = tonumber(call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')[2])
    return reply
  end
end
