import fc from 'fast-check'
import { expect } from 'vitest'
import { bytes, vector } from '../../shared/cache/codecs.ts'
import { redisTest } from '../support/redis.ts'
import { newKey, useRedis } from './support.ts'

const stand = useRedis()

redisTest('texts come back from Redis as they were: emoji, "OK", numbers, JSON, nothing', async () => {
  const texts = ['👩‍🚀 naïve 𝒳', 'OK', '"OK"', '1.0', '007', '9007199254740993', '{"a":1.0}', 'null', 'true', '', 'a\u0001b\n', 'T0s=']
  const keys = texts.map(newKey)
  const writer = await stand.cache()
  await writer.keep(keys.map((key, at) => [key, texts[at] as string]))
  expect(await (await stand.cache()).many(keys)).toEqual(texts)
  for (const [at, key] of keys.entries())
    expect(await (await stand.cache()).get(key, '0', () => Promise.reject(new Error('it is there')))).toBe(texts[at])
})

redisTest('any text of whole characters, under any such key, comes back', async () => {
  const whole = fc.string({ unit: 'binary' }).filter(value => value.isWellFormed())
  await fc.assert(
    fc.asyncProperty(whole, whole, async (key, value) => {
      await (await stand.cache()).keep([[key, value]])
      expect(await (await stand.cache()).many([key])).toEqual([value])
    }),
    { numRuns: 100 },
  )
})

redisTest('bytes and vectors come back bit by bit', async () => {
  const all = Uint8Array.from({ length: 256 }, (_, at) => at)
  const floats = Float32Array.from([0, -0, 0.1, 1 / 3, -1e-45, 3.4e38, Number.NaN, Number.POSITIVE_INFINITY, ...all])
  const key = newKey()
  await (await stand.cache({ codec: bytes, name: 'bytes' })).keep([[key, all.subarray(3)]])
  await (await stand.cache({ codec: vector, name: 'vectors' })).keep([[key, floats.subarray(1)]])
  const [got] = await (await stand.cache({ codec: bytes, name: 'bytes' })).many([key])
  expect(Buffer.compare(got as Uint8Array, all.subarray(3))).toBe(0)
  const [floated] = await (await stand.cache({ codec: vector, name: 'vectors' })).many([key])
  expect(floated).toEqual(floats.subarray(1))
  expect(Object.is(floated?.[0], -0)).toBe(true)
})

redisTest('a thousand keys are one request to read, and unknown ones among them are told by their place', async () => {
  const floats = (n: number) => Float32Array.from({ length: 1536 }, (_, at) => Math.sin(n * 1536 + at))
  const keys = Array.from({ length: 1000 }, newKey)
  const odd = keys.flatMap((key, at) => (at % 2 === 1 ? [[key, floats(at)] as const] : []))
  await (await stand.cache({ codec: vector, name: 'many' })).keep(odd)
  const reader = await stand.cache({ codec: vector, name: 'many' })
  stand.bridge.take()
  const found = await reader.many([...keys, keys[1] as string])
  expect(stand.bridge.take()).toBe(1)
  expect(found.map(value => value !== undefined)).toEqual([...keys.map((_, at) => at % 2 === 1), true])
  expect(found[999]).toEqual(floats(999))
  expect(await reader.many(odd.map(([key]) => key))).toHaveLength(500)
  expect(stand.bridge.take()).toBe(0)
})

redisTest('two deployments share a Redis without meeting', async () => {
  const key = newKey()
  const { redis, metrics } = await stand.open()
  const { makeCache } = await import('../../shared/cache/tiers.ts')
  const { usual } = await import('./support.ts')
  await makeCache({ ...redis, prefix: 'ah:another:' }, metrics, usual).keep([[key, 'theirs']])
  expect(await (await stand.cache()).many([key])).toEqual([undefined])
})
