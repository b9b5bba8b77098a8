/**
 * What one step on the Redis server does with the leases of a project. All scripts share their keys and the first argument:
 *
 * - KEYS: the leases (hash: task -> JSON), when each is due (sorted set, milliseconds), the last fence, the run of the server.
 * - ARGV[1]: the highest fence that the asking node knows.
 *
 * Time is the server's. Numbers that may be long are texts in JSON: Redis writes no more than 14 digits.
 */
const BEGIN = `
local leases, dues, fences, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = function(number) return string.format('%.0f', number) end
local fence = math.max(tonumber(redis.call('GET', fences) or '0'), tonumber(ARGV[1]))
local nextFence = function()
  fence = fence + 1
  redis.call('SET', fences, text(fence))
  return text(fence)
end
local put = function(task, lease, due)
  redis.call('HSET', leases, task, cjson.encode(lease))
  redis.call('ZADD', dues, due, task)
end
`

/**
 * A server that has just started may have lost leases: the last second of them, or all. For a while nothing is granted, so
 * that every node can say again what is held there. Where nothing was ever granted, nothing can be lost.
 */
const recovery = (ms: number): string => `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known, stop = string.match(redis.call('GET', runs) or '', '^(%w+) (%d+)$')
if known ~= run then
  stop = fence == 0 and '0' or text(now + ${ms})
  redis.call('SET', runs, run .. ' ' .. stop)
end
local isRecovering = now < tonumber(stop)
`

/** ARGV: fence, actor, session, replica, how long it lasts in ms or 'ever', tasks. -> granted, task, fence | held, JSON | recovering */
export const grantScript = (recoveryMs: number): string => `${BEGIN}${recovery(recoveryMs)}
if isRecovering then return { 'recovering' } end
local due = ARGV[5] == 'ever' and '+inf' or text(now + tonumber(ARGV[5]))
local first
for i = 6, #ARGV do
  local task = ARGV[i]
  local found = redis.call('HGET', leases, task)
  if not found then
    local number = nextFence()
    put(task, { actor = ARGV[2], session = ARGV[3], replica = ARGV[4], fence = number, at = text(now) }, due)
    return { 'granted', task, number }
  end
  local lease = cjson.decode(found)
  if lease.actor == ARGV[2] and lease.session == ARGV[3] then
    lease.replica = ARGV[4]
    lease.ending = nil
    put(task, lease, due)
    return { 'granted', task, lease.fence }
  end
  first = first or found
end
return { 'held', first }
`

/** ARGV: fence, actor, session, replica, lasts, task, its fence, 'keep' where its number still stands. -> held, fence | lost, JSON */
export const renewScript = (recoveryMs: number): string => `${BEGIN}${recovery(recoveryMs)}
local due = ARGV[5] == 'ever' and '+inf' or text(now + tonumber(ARGV[5]))
local task, number = ARGV[6], ARGV[7]
local found = redis.call('HGET', leases, task)
if found then
  local lease = cjson.decode(found)
  if lease.actor ~= ARGV[2] or lease.session ~= ARGV[3] or lease.replica ~= ARGV[4] then return { 'lost', found } end
  lease.ending = nil
  put(task, lease, due)
  return { 'held', lease.fence }
end
if isRecovering and ARGV[8] == 'keep' then
  redis.call('SET', fences, text(math.max(fence, tonumber(number))))
else
  number = nextFence()
end
put(task, { actor = ARGV[2], session = ARGV[3], replica = ARGV[4], fence = number, at = text(now) }, due)
return { 'held', number }
`

/** ARGV: fence, task, its fence, where its holder works. */
export const END = `${BEGIN}
local found = redis.call('HGET', leases, ARGV[2])
if not found then return 0 end
local lease = cjson.decode(found)
if lease.fence ~= ARGV[3] or lease.replica ~= ARGV[4] then return 0 end
redis.call('HDEL', leases, ARGV[2])
redis.call('ZREM', dues, ARGV[2])
return 1
`

/** ARGV: fence, for how long the asker alone ends what it is given, at most how many, replicas that are gone. -> (task, JSON, due)* */
export const lapsedScript = (recoveryMs: number): string => `${BEGIN}${recovery(recoveryMs)}
if isRecovering then return {} end
local isGone, found = {}, {}
for i = 4, #ARGV do isGone[ARGV[i]] = true end
local all = redis.call('ZRANGE', dues, 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
  local task, due = all[i], all[i + 1]
  local json = redis.call('HGET', leases, task)
  local lease = json and cjson.decode(json)
  if not lease then
    redis.call('ZREM', dues, task)
  elseif #found < 3 * tonumber(ARGV[3]) and tonumber(lease.ending or '0') < now
    and (tonumber(due) < now or (isGone[lease.replica] and due ~= 'inf')) then
    lease.ending = text(now + tonumber(ARGV[2]))
    redis.call('HSET', leases, task, cjson.encode(lease))
    table.insert(found, task)
    table.insert(found, json)
    table.insert(found, due)
  end
end
return found
`
