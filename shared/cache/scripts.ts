/** Whether version a is later than b: digits beyond what a double holds, so they are compared as text. */
const LATER = 'local function later(a, b) return #a > #b or (#a == #b and a > b) end\n'
const VERSION = "local function version(entry) return string.match(entry, '^%d+') end\n"

/**
 * KEYS entry, lock · ARGV least version, token, milliseconds of the lock. Answers {'held', entry} where the entry will do; {'mine', older entry or
 * nil} to whom now holds the lock; {'wait', milliseconds until the lock is over}.
 */
export const TAKE = `${LATER}${VERSION}local entry = redis.call('get', KEYS[1])
if entry and not later(ARGV[1], version(entry)) then return {'held', entry} end
if redis.call('set', KEYS[2], ARGV[2], 'nx', 'px', ARGV[3]) then return {'mine', entry} end
return {'wait', redis.call('pttl', KEYS[2])}`

/** KEYS entries · ARGV milliseconds to keep them, then the entries. Each is kept unless a later version is there. */
export const FILL = `${LATER}${VERSION}for i, key in ipairs(KEYS) do
  local held = redis.call('get', key)
  if not held or not later(version(held), version(ARGV[i + 1])) then redis.call('set', key, ARGV[i + 1], 'px', ARGV[1]) end
end
return #KEYS`

/** KEYS lock · ARGV token. A lock that is another's by now stays. */
export const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`

/** KEYS count, mark of this increment · ARGV milliseconds to keep the one and the other. However often it is sent, it counts once. */
export const COUNT_ONCE = `if not redis.call('set', KEYS[2], '', 'nx', 'px', ARGV[2]) then return tonumber(redis.call('get', KEYS[1]) or 1) end
local count = redis.call('incr', KEYS[1])
redis.call('pexpire', KEYS[1], ARGV[1])
return count`
