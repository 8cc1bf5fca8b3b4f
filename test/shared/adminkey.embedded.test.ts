import { afterEach, expect, test, vi } from 'vitest'
import { makeIsAdmin } from '../../shared/adminkey.ts'
import { makeLog } from '../../shared/observe/log.ts'

const log = makeLog('silent', undefined)
afterEach(() => void vi.useRealTimers())

/** A secret and a clock in hand: how often it was read, and who is the admin at a time. */
const rotating = (first: string) => {
  const secret = { value: first as string | Error, reads: 0 }
  let now = 0
  const read = async () => {
    secret.reads++
    if (secret.value instanceof Error) throw secret.value
    return secret.value
  }
  const isAdmin = makeIsAdmin(first, { read, renew: read }, log, () => now)
  return {
    secret,
    at: (seconds: number) => {
      now = seconds * 1000
      return isAdmin
    },
  }
}

test('a key that was rotated in is taken at once, and the old one for a minute more at most', async () => {
  const { secret, at } = rotating('old')
  secret.value = 'new'
  expect(await at(59)('old')).toBe(true)
  expect(await at(61)('old')).toBe(false)
  expect(await at(62)('new')).toBe(true)
  expect(secret.reads).toBe(1)
})

test('unknown tokens have the key read once in five seconds, however many they are', async () => {
  const { secret, at } = rotating('old')
  for (let second = 0; second <= 6; second++) for (let n = 0; n < 10; n++) expect(await at(second)('guess')).toBe(false)
  expect(secret.reads).toBe(2)
})

test('while Secret Manager is away the last key stays', async () => {
  const { secret, at } = rotating('old')
  secret.value = new Error('away')
  expect(await at(100)('old')).toBe(true)
  expect(await at(100)('guess')).toBe(false)
})

test('a clock that is set back an hour keeps no old key alive for an hour', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  const isAdmin = makeIsAdmin('old', { read: async () => 'new', renew: async () => 'new' }, log)
  vi.setSystemTime(Date.now() - 3_600_000)
  expect(await isAdmin('old')).toBe(true)
  vi.advanceTimersByTime(60_001)
  expect(await isAdmin('old')).toBe(false)
  expect(await isAdmin('new')).toBe(true)
})
