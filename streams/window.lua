-- One batch of one partition: checks that Redis knows all that the stream had reached, returns the turns before the
-- batch's, and adds the batch's. Every entry is keyed by its source offset, so running it again changes nothing.
--
-- KEYS[1]   the partition's state: reached (highest offset seen), floor (no process goes back behind this offset),
--           lost_at (time before which a rebuild could not bring everything back), grown_at (time at which partitions
--           were added: a conversation's earlier turns may stand in another one)
-- KEYS[2..] one sorted set per conversation: entry by source offset; score -1 stands for entries that were trimmed; between
--           -1 and 0 stand entries that came from another partition when partitions were added
-- ARGV[1..7] after, last, floor, turns, keep, ttl (seconds), check (1 or 0)
-- ARGV[8..]  groups: index into KEYS, read below this offset, number of entries, then offset and entry of each
local after, last, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local turns, keep, ttl = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local state = redis.call('HMGET', KEYS[1], 'reached', 'floor', 'lost_at', 'grown_at')
local reached, known_floor = tonumber(state[1] or '-1'), tonumber(state[2] or '0')
if ARGV[7] == '1' and (reached < after or after + 1 < known_floor) then
  return {'lost', tostring(reached), tostring(known_floor)}
end

local lost_at = state[3] or state[4] or ''
if state[3] and state[4] and tonumber(state[4]) > tonumber(state[3]) then lost_at = state[4] end
local reply = {'ok', lost_at}
local at = 8
while at <= #ARGV do
  local key, below, count = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  if turns > 0 then
    local before = redis.call('ZREVRANGEBYSCORE', key, '(' .. below, '(-1', 'LIMIT', 0, turns)
    local trimmed = #before < turns and redis.call('ZCOUNT', key, -1, -1) or 0
    reply[#reply + 1] = '[' .. trimmed .. (#before > 0 and ',' or '') .. table.concat(before, ',') .. ']'
  else
    reply[#reply + 1] = '[0]'
  end
  for _ = 1, count do
    if redis.call('ZCOUNT', key, ARGV[at], ARGV[at]) == 0 then
      redis.call('ZADD', key, ARGV[at], ARGV[at + 1])
    end
    at = at + 2
  end
  if count > 0 then
    redis.call('EXPIRE', key, ttl)
    if redis.call('ZCARD', key) > keep + 8 then
      -- A process may go back to the floor: of what stands below it, prompts need the newest and nothing more.
      local oldest = redis.call('ZREVRANGEBYSCORE', key, '(' .. ARGV[3], '(-1', 'WITHSCORES', 'LIMIT', keep - 1, 1)
      if oldest[2] and redis.call('ZREMRANGEBYSCORE', key, '(-1', '(' .. oldest[2]) > 0 then
        redis.call('ZADD', key, -1, 'trimmed')
      end
    end
  end
end

if last > reached then redis.call('HSET', KEYS[1], 'reached', ARGV[2]) end
if floor > known_floor then redis.call('HSET', KEYS[1], 'floor', ARGV[3]) end
return reply
