import { expect, test } from 'vitest'
import type { Entry } from '../../shared/cache/cache.ts'
import { makeCache } from '../../shared/cache/tiers.ts'
import { Refusal } from '../../shared/errors.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { redisTest } from '../support/redis.ts'
import { gate, newKey, useRedis, usual } from './support.ts'

const stand = useRedis()
const alone = () => makeCache(undefined, makeMetrics(), usual)
const entry = (version: string, value = `at ${version}`): Entry<string> => ({ version, value })
const never = () => Promise.reject(new Error('this was not to be loaded'))

test('of a hundred callers in a process one loads, and a thousand more find it', async () => {
  const cache = alone()
  const { passed, open } = gate()
  let loads = 0
  const load = async () => {
    loads++
    await passed
    return entry('7')
  }
  const asked = Array.from({ length: 100 }, () => cache.get('k', '7', load))
  open()
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['at 7']))
  for (let n = 0; n < 1000; n++) await cache.get('k', '7', load)
  expect(loads).toBe(1)
})

test('who asks for a later version never gets an older one, and who asks for an older one may get a later', async () => {
  const cache = alone()
  await cache.get('k', '99', async () => entry('99'))
  expect(await cache.get('k', '100', async () => entry('100'))).toBe('at 100')
  expect(await cache.get('k', '99', never)).toBe('at 100')
})

test('a load that began before a change and ends after it does not replace what was loaded since', async () => {
  const cache = alone()
  const { passed, open } = gate()
  const slow = cache.get('k', '9', async () => {
    await passed
    return entry('9')
  })
  await cache.get('k', '10', async () => entry('10'))
  open()
  expect(await slow).toBe('at 9')
  expect(await cache.get('k', '9', never)).toBe('at 10')
})

test('when loading fails an older version answers; a refusal of what is asked does not hide behind it', async () => {
  const cache = alone()
  await expect(cache.get('k', '1', () => Promise.reject(new Error('no database')))).rejects.toThrow('no database')
  await cache.get('k', '1', async () => entry('1'))
  for (const failure of [new Error('no database'), new Refusal('unavailable', 'x'), new Refusal('overloaded', 'x')])
    expect(await cache.get('k', '2', () => Promise.reject(failure))).toBe('at 1')
  for (const code of ['invalid_request', 'forbidden', 'not_found'] as const)
    await expect(cache.get('k', '2', () => Promise.reject(new Refusal(code, 'no')))).rejects.toMatchObject({ code })
  expect(await cache.get('k', '2', async () => entry('2'))).toBe('at 2')
})

test('a caller who is refused while he loads for others is refused alone', async () => {
  const cache = alone()
  const { passed, open } = gate()
  const revoked = cache.get('k', '1', async () => {
    await passed
    throw new Refusal('unauthenticated', 'revoked')
  })
  const others = Array.from({ length: 10 }, () => cache.get('k', '1', async () => entry('1')))
  open()
  await expect(revoked).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(new Set(await Promise.all(others))).toEqual(new Set(['at 1']))
})

redisTest('of two processes one loads; the other waits for it and asks nobody else', async () => {
  const [one, two] = [await stand.cache(), await stand.cache()]
  const key = newKey()
  const [began, ended] = [gate(), gate()]
  const loading = one.get(key, '5', async () => {
    began.open()
    await ended.passed
    return entry('5')
  })
  await began.passed
  const waiting = two.get(key, '5', never)
  ended.open()
  expect(await Promise.all([loading, waiting])).toEqual(['at 5', 'at 5'])
})

redisTest('a stale fill loses in Redis as well: versions are compared there, at any length', async () => {
  const key = newKey()
  const [one, two, three] = [await stand.cache(), await stand.cache(), await stand.cache()]
  const { passed, open } = gate()
  // its turn is over when it ends: versions alone keep it from harm
  const slow = one.get(key, '9007199254740993', async () => {
    await passed
    return entry('9007199254740993')
  })
  await two.keep([[key, 'newer']], '9007199254740994')
  open()
  expect(await slow).toBe('at 9007199254740993')
  expect(await three.many([key])).toEqual(['newer'])
  await one.keep([[key, 'much older']], '999')
  expect(await (await stand.cache()).get(key, '9007199254740994', never)).toBe('newer')
})

redisTest('a process whose load fails gives the turn to the next at once, and an older version of another process helps', async () => {
  const key = newKey()
  const [one, two] = [await stand.cache(), await stand.cache()]
  await expect(one.get(key, '1', () => Promise.reject(new Error('no database')))).rejects.toThrow('no database')
  const begun = performance.now()
  expect(await two.get(key, '1', async () => entry('1'))).toBe('at 1')
  expect(performance.now() - begun).toBeLessThan(2500)
  expect(await (await stand.cache()).get(key, '2', () => Promise.reject(new Error('no database')))).toBe('at 1')
})

redisTest('a process that dies while it loads is waited for no longer than its turn', async () => {
  const key = newKey()
  const [one, two] = [await stand.cache(), await stand.cache()]
  void one.get(key, '1', () => new Promise(() => {}))
  await expect.poll(() => stand.bridge.redis('keys', `*lock:${key}`)).toHaveLength(1)
  expect(await two.get(key, '1', async () => entry('1'))).toBe('at 1')
})

redisTest('what is kept goes by itself, not all at the same moment', async () => {
  const keys = Array.from({ length: 20 }, newKey)
  const cache = await stand.cache({ name: 'spread', seconds: 1000 })
  for (const key of keys) await cache.keep([[key, 'x']])
  const names = (await stand.bridge.redis('keys', '*spread:*')) as string[]
  const times = await Promise.all(names.map(async name => Number(await stand.bridge.redis('pttl', name))))
  expect(new Set(times.map(time => Math.round(time / 1000))).size).toBeGreaterThan(10)
  expect(Math.min(...times)).toBeGreaterThan(890_000)
  expect(Math.max(...times)).toBeLessThanOrEqual(1_100_000)
})
