/** What a group has to give back: what is due, what was abandoned, and what was trimmed, by one scan for all processes. */
import { type Script, script } from '../redis/connection.js'
import { lua } from './redis-stream-lua.js'

/** How often a group is scanned, whoever scans, in milliseconds. */
export const scanMs = 1_000

/** How long a consumer that has nothing and does nothing is kept: its process is gone. */
const reapMs = 600_000

/**
 * Takes what is due and what was abandoned. ARGV: group, consumer, horizon, lease, how many at most, how long a scan
 * is enough for all, when an idle consumer is gone, whether this script is new to the server. Answers how long until
 * the next scan, the entries with their counts and whether they were abandoned, the ids of pending entries that were
 * trimmed, and how many were trimmed that nobody had read. A scan that was just now may as well be to come, as the
 * server's clock was set back: Redis calls both an idle time of 0, and nobody would scan until that time.
 */
const taking = `${lua}
local g, me, horizon, lease, n = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local every, reap, isNew = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local consumers = redis.call('XINFO', 'CONSUMERS', KEYS[1], g)
if isNew then
  -- A server that was started from its log counts less than was read. Told so, it finds out by itself.
  local last = groupOf(g)['last-delivered-id']
  if last ~= beginsOf(g) then redis.call('XGROUP', 'SETID', KEYS[1], g, last) end
end
local others = {}
for _, fields in ipairs(consumers) do
  local consumer = record(fields)
  if consumer.name == '~scan' then
    if consumer.idle > 0 and consumer.idle < every then return {every - consumer.idle, {}, {}, 0} end
  elseif consumer.pending > 0 then
    if consumer.name ~= '~parked' then others[#others + 1] = consumer.name end
  elseif consumer.idle > reap and consumer.name ~= me and string.find(consumer.name, '~%x%x%x%x%x%x%x%x%x%x%x%x$') then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], g, consumer.name)
  end
end
local got, gone = {}, {}
local function takeAll(list, abandoned)
  for _, pending in ipairs(list) do
    local claimed = redis.call('XCLAIM', KEYS[1], g, me, 0, pending[1], 'IDLE', 0, 'RETRYCOUNT', pending[4])
    if claimed[1] and claimed[1][2] then got[#got + 1] = {claimed[1][1], claimed[1][2], pending[4], abandoned}
    else gone[#gone + 1] = pending[1] end
  end
end
takeAll(redis.call('XPENDING', KEYS[1], g, 'IDLE', horizon, '-', '+', n, '~parked'), 0)
for _, name in ipairs(others) do
  if #got >= n then break end
  takeAll(redis.call('XPENDING', KEYS[1], g, 'IDLE', lease, '-', '+', n - #got, name), 1)
end
local unread = 0
local info, group = record(redis.call('XINFO', 'STREAM', KEYS[1])), groupOf(g)
if group['entries-read'] and info['entries-added'] then
  local last, rest = group['last-delivered-id'], nil
  if last == info['last-generated-id'] or info.length == 0 then rest = 0
  elseif isAfter(info['recorded-first-entry-id'], last) then rest = info.length end
  if rest then unread = info['entries-added'] - group['entries-read'] - rest end
  if unread > 0 then
    -- Counted once, and for all: the group's lag is right again as well.
    redis.call('XGROUP', 'SETID', KEYS[1], g, last, 'ENTRIESREAD', info['entries-added'] - rest)
  end
end
if #got >= n then return {0, got, gone, unread} end
redis.call('XREADGROUP', 'GROUP', g, '~scan', 'COUNT', 1, 'STREAMS', KEYS[1], '0')
return {every, got, gone, unread}`

/**
 * The script of one group. A server has forgotten all scripts when it is started again: so it says that it was, by not
 * knowing this one, and says so once for each group.
 */
export const takeFor = (key: string, group: string): Script =>
  script(`${taking}\n-- ${JSON.stringify([key, group])}`)

/** What else `take` is given. */
export const takeTimes = [scanMs, reapMs] as const
