/** What scripts about a group have in common: reading what Redis says of it, and comparing ids. */

/** Functions for scripts whose only key is that of the stream. */
export const lua = `
local function record(fields)
  local named = {}
  for i = 1, #fields, 2 do named[fields[i]] = fields[i + 1] end
  return named
end
local function groupOf(name)
  for _, fields in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = record(fields)
    if group.name == name then return group end
  end
end
local function beginsOf(name)
  local begins = '0-0'
  for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], name)) do
    begins = string.match(record(fields).name, '^~from (%d+%-%d+)$') or begins
  end
  return begins
end
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)%-?(%d*)$')
  return tonumber(ms), tonumber(seq) or 0
end
local function isAfter(id, other)
  local ms, seq = parts(id)
  local otherMs, otherSeq = parts(other)
  return ms > otherMs or (ms == otherMs and seq > otherSeq)
end`
