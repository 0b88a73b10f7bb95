/**
 * What a group asks of the server in one step each. A nacked entry waits with the consumer `~parked`, its idle time
 * set so that it reaches the horizon when its delay is over; whoever scans takes what has reached it, and what others
 * have left idle for a lease. Delivery counts are counts of starts: nothing here raises one but `start`.
 */
import { type Script, script } from '../redis/connection.js'
import { lua } from './redis-stream-lua.js'

/** How long a delay may be, in milliseconds: 30 days. */
export const horizonMs = 30 * 24 * 3_600_000

/**
 * A group that was made again is not the one that handed out what its members have. It says where it begins by a
 * consumer of that name: what lies before that it gives to nobody, so it is still whose it was.
 */
const adopting = `${lua}
local begins
local function isOlder(id)
  begins = begins or beginsOf(ARGV[1])
  return not isAfter(id, begins)
end
local function isThere(id) return #redis.call('XRANGE', KEYS[1], id, id) == 1 end
local function adopt(name, id, idle, count)
  redis.call('XCLAIM', KEYS[1], ARGV[1], name, 0, id, 'IDLE', idle, 'RETRYCOUNT', count, 'FORCE', 'JUSTID')
  return 1
end`

/**
 * Makes the group if it is missing, with all it needs for counting what is trimmed, and the consumer. It begins with an
 * XACK of nothing: what has begun to write may go on though Redis is full, and what handles entries makes room. ARGV: group,
 * consumer, where to begin. Answers whether it made the group, the id that was delivered last, where it began, and
 * whether the consumer was new to it.
 */
export const join: Script = script(`${lua}
local g, me, from = ARGV[1], ARGV[2], ARGV[3]
redis.pcall('XACK', KEYS[1], g, '0-0')
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err and not string.find(groups.err, 'no such key') then return groups end
local group = not groups.err and groupOf(g)
local made = 0
if not group then
  if from ~= '$' and from ~= '0' then
    -- Of a stream that was begun anew everything is new.
    local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
    if isAfter(from, info.err and '0-0' or record(info)['last-generated-id']) then from = '0' end
  end
  local done = redis.pcall('XGROUP', 'CREATE', KEYS[1], g, from, 'MKSTREAM')
  if done.err then return done end
  made = 1
  if from == '0' or from == '$' then
    local info = record(redis.call('XINFO', 'STREAM', KEYS[1]))
    local added, length, last = info['entries-added'], info.length, info['last-generated-id']
    -- Redis 7 counts what a group has read, once it is told where it begins.
    if added and from == '0' then redis.pcall('XGROUP', 'SETID', KEYS[1], g, '0', 'ENTRIESREAD', added - length) end
    if added and from == '$' then redis.pcall('XGROUP', 'SETID', KEYS[1], g, last, 'ENTRIESREAD', added) end
  end
  group = groupOf(g)
  local begins = group['last-delivered-id']
  if begins ~= '0-0' then redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], g, '~from ' .. begins) end
end
local isNew = redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], g, me)
return {made, group['last-delivered-id'], from, isNew}`)

/**
 * Counts the start of an entry. ARGV: group, consumer, id, the count with this start. Answers 1 counted, 0 somebody
 * else's, -1 trimmed. Told twice it counts once.
 */
export const start: Script = script(`${adopting}
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if not pending[1] then
  if not isThere(ARGV[3]) then return -1 end
  return isOlder(ARGV[3]) and adopt(ARGV[2], ARGV[3], 0, ARGV[4]) or 0
end
if pending[1][2] ~= ARGV[2] then return 0 end
local count = math.max(pending[1][4], tonumber(ARGV[4]))
local done = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', 0, 'RETRYCOUNT', count, 'JUSTID')
return #done == 1 and 1 or -1`)

/**
 * Parks entries. ARGV: group, consumer, horizon, and for each id, delay, and what its count changes by. Answers for
 * each: 1 parked, 0 somebody else's, -1 trimmed. Told twice it parks once.
 */
export const park: Script = script(`${adopting}
local g, me, horizon = ARGV[1], ARGV[2], tonumber(ARGV[3])
local out = {}
for i = 4, #ARGV, 3 do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', KEYS[1], g, id, id, 1)[1]
  local idle = math.max(0, horizon - tonumber(ARGV[i + 1]))
  if pending and pending[2] == me then
    local count = math.max(0, pending[4] + tonumber(ARGV[i + 2]))
    local done = redis.call('XCLAIM', KEYS[1], g, '~parked', 0, id, 'IDLE', idle, 'RETRYCOUNT', count, 'JUSTID')
    out[#out + 1] = #done == 1 and 1 or -1
  elseif not pending and isOlder(id) and isThere(id) then
    out[#out + 1] = adopt('~parked', id, idle, 1 + tonumber(ARGV[i + 2]))
  else
    out[#out + 1] = pending and pending[2] == '~parked' and 1 or 0
  end
end
return out`)

/**
 * Acknowledges what is still ours. ARGV: group, consumer, ids. Answers for each: 1 it is done, 0 it is somebody else's,
 * or will be. Told twice it acknowledges once.
 */
export const ackOwned: Script = script(`${adopting}
local last
local function isToCome(id)
  last = last or groupOf(ARGV[1])['last-delivered-id']
  return isAfter(id, last)
end
local out = {}
for i = 3, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
  if pending then out[#out + 1] = pending[2] == ARGV[2] and redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) or 0
  else out[#out + 1] = (isOlder(ARGV[i]) or not isToCome(ARGV[i])) and 1 or 0 end
end
return out`)

/** Renews leases. ARGV: group, consumer, ids. Answers for each: 1 renewed, 0 somebody else's, -1 trimmed. */
export const renew: Script = script(`${adopting}
local out = {}
for i = 3, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if pending[1] and pending[1][2] == ARGV[2] then
    local done = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'JUSTID')
    out[#out + 1] = #done == 1 and 1 or -1
  elseif pending[1] then out[#out + 1] = 0
  elseif not isThere(ARGV[i]) then out[#out + 1] = -1
  else out[#out + 1] = isOlder(ARGV[i]) and adopt(ARGV[2], ARGV[i], 0, 1) or 0 end
end
return out`)

/**
 * Reads entries that are ours and were never answered with. ARGV: group, consumer, ids. Answers entries with their
 * counts, and the ids of those that were trimmed.
 */
export const recover: Script = script(`
local got, gone = {}, {}
for i = 3, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if pending[1] then
    local count = pending[1][4]
    local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'RETRYCOUNT', count)
    if claimed[1] and claimed[1][2] then got[#got + 1] = {claimed[1][1], claimed[1][2], count, 2}
    else gone[#gone + 1] = ARGV[i] end
  end
end
return {got, gone}`)

/**
 * Leaves the group: what the consumer still has was never started, and goes back at once. ARGV: group, consumer,
 * horizon. The consumer is removed only when it has nothing, as Redis would forget what it has.
 */
export const leave: Script = script(`
local g, me, horizon = ARGV[1], ARGV[2], ARGV[3]
local list = redis.pcall('XPENDING', KEYS[1], g, '-', '+', 1000, me)
if list.err then return 0 end
for _, pending in ipairs(list) do
  local count = pending[4] == 1 and 0 or pending[4]
  redis.call('XCLAIM', KEYS[1], g, '~parked', 0, pending[1], 'IDLE', horizon, 'RETRYCOUNT', count, 'JUSTID')
end
if #redis.call('XPENDING', KEYS[1], g, '-', '+', 1, me) > 0 then return 1 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], g, me)
return 0`)
