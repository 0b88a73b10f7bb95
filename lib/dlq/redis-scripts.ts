/**
 * What is done in Redis in one step. Scripts store, find and compare; what becomes of a letter is not decided here.
 * All get the keys of the queue in the order of `Keys.all`.
 */
import { script } from '../redis/connection.js'

const names = `
local meta, keys, rows, bytes, originals, kinds, leases = unpack(KEYS, 1, 7)
local indexes = { dead = KEYS[8], replaying = KEYS[9], resolved = KEYS[10], discarded = KEYS[11] }
`

/** A letter by its key: its number and its row, and its bytes if they are wanted. */
const finding = `
local function numberOf(key)
  local found = redis.call('ZRANGEBYLEX', keys, '[' .. key .. ':', '(' .. key .. ';', 'LIMIT', 0, 1)[1]
  return found and string.sub(found, #key + 2)
end
local function at(seq, withBytes)
  local row = redis.call('HGET', rows, seq)
  if not row then return false end
  if withBytes ~= '1' then return { seq, row } end
  return { seq, row, redis.call('HGET', bytes, seq), redis.call('HGET', originals, seq) }
end
local function find(key, withBytes)
  local seq = numberOf(key)
  return seq and at(seq, withBytes)
end
`

/**
 * The letter is stored by then, whatever comes of this: the stream may be gone, or be none. What is somebody else's
 * by now is theirs to acknowledge.
 */
const acknowledging = `
local function acknowledge(stream, group, consumer, id)
  if stream == '' then return end
  local key = KEYS[tonumber(stream)]
  local mine = redis.pcall('XPENDING', key, group, id, id, 1, consumer)
  if not mine.err and mine[1] then redis.pcall('XACK', key, group, id) end
end
`

/**
 * Removes nothing. What has begun to write may go on though Redis is full: letters that are there can be settled, edited
 * and discarded then, which is how they make room.
 */
const goingOn = (key: string): string => `redis.call('HDEL', ${key}, '')`

const marker = 'missive-ts dead letters'
export const schemaVersion = 1

/** Numbers begin behind all that are there, should the marker have been lost. */
const numbering = `
local function nextNumber()
  local seq = redis.call('HINCRBY', meta, 'seq', 1)
  if seq > 1 then return string.format('%.0f', seq) end
  for _, index in pairs(indexes) do
    local last = tonumber(redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')[2] or 0)
    if last >= seq then seq = last + 1 end
  end
  seq = string.format('%.0f', seq)
  redis.call('HSET', meta, 'is', '${marker}', 'version', '${schemaVersion}', 'seq', seq)
  return seq
end
`

/** Of each letter: key, state, index, kind and its text, row, bytes, has it an original, original, and its entry. */
export const putScript = script(`${names}${finding}${acknowledging}${numbering}
local answers = {}
for i = 1, #ARGV, 13 do
  local key, state, index, kind, kindText, row, body, hasOriginal, original = unpack(ARGV, i, i + 8)
  local seq = numberOf(key)
  local there = seq and at(seq)
  if seq and not there then redis.call('ZREM', keys, key .. ':' .. seq) end
  if not there then
    seq = nextNumber()
    redis.call('HSET', rows, seq, row)
    if body ~= '' then redis.call('HSET', bytes, seq, body) end
    if hasOriginal == '1' then redis.call('HSET', originals, seq, original) end
    redis.call('HSETNX', kinds, kind, kindText)
    redis.call('ZADD', indexes[state], seq, seq .. ' ' .. index)
    redis.call('ZADD', keys, 0, key .. ':' .. seq)
    acknowledge(unpack(ARGV, i + 9, i + 12))
  end
  answers[#answers + 1] = there or false
end
return answers`)

/** Writes a row if it is still as it was read; else gives it as it is now. */
export const changeScript = script(`${names}${finding}${acknowledging}
local key, seq, stateBefore, before, state, after, kind, kindText, row, leaseUntil = unpack(ARGV, 1, 10)
local setBytes, body, setOriginal, original, withBytes = unpack(ARGV, 11, 15)
${goingOn('rows')}
if not redis.call('ZSCORE', indexes[stateBefore], before) then return { 0, find(key, withBytes) or false } end
redis.call('HSET', rows, seq, row)
if setBytes == '1' then
  if body == '' then redis.call('HDEL', bytes, seq) else redis.call('HSET', bytes, seq, body) end
end
if setOriginal == '1' then redis.call('HSET', originals, seq, original) end
if setOriginal == '0' then redis.call('HDEL', originals, seq) end
redis.call('HSETNX', kinds, kind, kindText)
redis.call('ZREM', indexes[stateBefore], before)
redis.call('ZADD', indexes[state], seq, after)
if leaseUntil == '' then redis.call('ZREM', leases, seq) else redis.call('ZADD', leases, leaseUntil, seq) end
acknowledge(unpack(ARGV, 16, 19))
return { 1 }`)

/** By key. */
export const findScript = script(`${names}${finding}
return find(ARGV[1], ARGV[2])`)

/** By number. */
export const readScript = script(`${names}${finding}
local found = {}
for i = 2, #ARGV do found[i - 1] = at(ARGV[i], ARGV[1]) end
return found`)

/** What indexes have from one number to another, in either order, at most so many of each state. */
export const windowScript = script(`${names}
local found = {}
for i = 5, #ARGV do
  found[i - 4] = ARGV[1] == 'newest'
    and redis.call('ZREVRANGEBYSCORE', indexes[ARGV[i]], ARGV[3], ARGV[2], 'LIMIT', 0, ARGV[4])
    or redis.call('ZRANGEBYSCORE', indexes[ARGV[i]], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
end
return found`)

/** The keys that lie between two others, with their numbers. */
export const namesScript = script(`${names}
local found = {}
for i = 1, #ARGV, 2 do
  for _, name in ipairs(redis.call('ZRANGEBYLEX', keys, ARGV[i], ARGV[i + 1])) do found[#found + 1] = name end
end
return found`)

/** The last number, and how many letters there are of each state that is asked for. */
export const totalsScript = script(`${names}
local found = { tonumber(redis.call('HGET', meta, 'seq') or 0) }
for i = 1, #ARGV do found[i + 1] = redis.call('ZCARD', indexes[ARGV[i]]) end
return found`)

export const kindsScript = script(`${names}
return redis.call('HMGET', kinds, unpack(ARGV))`)

/**
 * Removes kinds that no letter is of, some of them at a time: where there are more than letters, which are few enough
 * to be looked through in one step.
 */
export const sweepScript = script(`${names}
local letters = 0
for _, index in pairs(indexes) do letters = letters + redis.call('ZCARD', index) end
if letters > 10000 or redis.call('HLEN', kinds) <= letters then return 0 end
local used = {}
for _, index in pairs(indexes) do
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    used[string.match(member, '^%S+ %S+ (%S+)')] = true
  end
end
local removed = 0
for _, kind in ipairs(redis.call('HKEYS', kinds)) do
  if removed < 10000 and not used[kind] then
    redis.call('HDEL', kinds, kind)
    removed = removed + 1
  end
end
return removed`)

/** Leases that ended. */
export const expiredScript = script(`${names}${finding}
local found = {}
for _, seq in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local there = at(seq)
  if there then found[#found + 1] = there else redis.call('ZREM', leases, seq) end
end
return found`)

/** Removes letters of one state that are still as their index said. */
export const removeScript = script(`${names}
local removed = 0
for i = 2, #ARGV, 2 do
  local seq = ARGV[i]
  if redis.call('ZREM', indexes[ARGV[1]], ARGV[i + 1]) == 1 then
    local row = redis.call('HGET', rows, seq)
    if row then redis.call('ZREM', keys, string.match(row, '^[^\\n]*') .. ':' .. seq) end
    redis.call('HDEL', rows, seq)
    redis.call('HDEL', bytes, seq)
    redis.call('HDEL', originals, seq)
    redis.call('ZREM', leases, seq)
    removed = removed + 1
  end
end
return removed`)

/**
 * Makes the queue if it may and there is none, and notes what its owner says of settled letters. Gets the types that
 * the keys must have after three words.
 */
export const openScript = script(`
local create, keepSettledMs, keepTombstonesMs = unpack(ARGV, 1, 3)
local is, version
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  is, version = unpack(redis.call('HMGET', KEYS[1], 'is', 'version'))
  if is ~= '${marker}' then return { 'other', KEYS[1], 'hash' } end
  if tonumber(version) > ${schemaVersion} then return { 'newer', version } end
end
for i, key in ipairs(KEYS) do
  local type = redis.call('TYPE', key).ok
  if type ~= 'none' and (not is or type ~= ARGV[i + 3]) then return { 'other', key, type } end
end
if not is then
  if create ~= '1' then return { 'missing' } end
  redis.call('HSET', KEYS[1], 'is', '${marker}', 'version', '${schemaVersion}', 'seq', '0')
end
${goingOn('KEYS[1]')}
if keepSettledMs ~= '' then redis.call('HSET', KEYS[1], 'keepSettledMs', keepSettledMs) end
if keepTombstonesMs ~= '' then redis.call('HSET', KEYS[1], 'keepTombstonesMs', keepTombstonesMs) end
return { 'open', unpack(redis.call('HMGET', KEYS[1], 'keepSettledMs', 'keepTombstonesMs')) }`)
