-- clock.lua: what every script begins with. One reading of TIME serves the whole call.
local call, pcall = redis.call, redis.pcall
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local now_ms = math.floor(now / 1000)

-- DAY is how long the keys of a service outlive its last lease, ms. They get an
-- HOUR more, so that a renewal has to push their end out only once an hour.
local DAY, HOUR = 86400000, 3600000
