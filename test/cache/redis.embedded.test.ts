import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { makeBreaker } from '../../shared/cache/breaker.ts'
import { openRedis, RedisFailed } from '../../shared/cache/redis.ts'
import { countInRedis } from '../../shared/http/ratelimit.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { newKey, redisTest, useRedis } from './support.ts'

const stand = useRedis()
const HASTY = { short: 50, long: 50 }

test('a service that failed three times in a row is left alone, then asked by one, ever more seldom', () => {
  let time = 0
  const breaker = makeBreaker(
    () => time,
    () => 0.5,
  )
  const fails = () => {
    expect(breaker.allows()).toBe(true)
    breaker.failed()
  }
  for (let n = 0; n < 3; n++) fails()
  for (const rest of [500, 1000, 2000, 4000, 8000, 8000]) {
    time += rest - 1
    expect([breaker.allows(), breaker.isOpen()]).toEqual([false, true])
    time += 1
    fails()
  }
  time += 8000
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false])
  breaker.succeeded()
  expect([breaker.allows(), breaker.allows(), breaker.isOpen()]).toEqual([true, true, false])
})

test('twenty failures of one moment are one: the service is asked again half a second later', () => {
  let time = 0
  const breaker = makeBreaker(
    () => time,
    () => 0.5,
  )
  for (let n = 0; n < 20; n++) expect(breaker.allows()).toBe(true)
  for (let n = 0; n < 20; n++) breaker.failed()
  expect(breaker.allows()).toBe(false)
  time = 500
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false])
})

test('a request whose connection fails is sent once more, and no oftener', async () => {
  let [requests, failing] = [0, 1]
  const server = createServer((request, response) => {
    requests++
    if (failing-- > 0) request.socket.destroy()
    else response.end('[{"result":7}]')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const redis = await openRedis({ url, token: 'secret' }, 'key', makeLog('silent', undefined), makeMetrics())
  expect(await redis.ask(pipeline => pipeline.get('n'))).toEqual([7])
  expect(requests).toBe(2)
  failing = 100
  await expect(redis.ask(pipeline => pipeline.get('n'))).rejects.toThrow(RedisFailed)
  expect(requests).toBe(4)
  server.closeAllConnections()
  server.close()
})

redisTest('an increment counts once: answered, cut off before the answer, or repeated on the way', async () => {
  const { redis } = await stand.open()
  const count = countInRedis(redis)
  const key = newKey()
  const now = Date.now()
  const kept = async () => Number(await stand.bridge.redis('get', `${redis.prefix}rate:${key}:${Math.floor(now / 60_000)}`))
  expect([await count(key, now), await kept()]).toEqual([1, 1])
  stand.bridge.become('twice')
  expect([await count(key, now), await kept()]).toEqual([2, 2])
  stand.bridge.become('deaf')
  stand.bridge.take()
  await count(key, now) // the answer of this process alone: what Redis did is not known here
  expect(stand.bridge.take()).toBe(2)
  stand.bridge.become('open')
  expect(await kept()).toBe(3)
  expect(await count(key, now)).toBe(4)
})

redisTest('who waits for a silent Redis waits as long as he has patience, and those after him not at all', async () => {
  const { redis, log, metrics } = await stand.open(HASTY)
  stand.bridge.become('silent')
  const ask = () => redis.ask(pipeline => pipeline.incr('n'))
  for (let n = 0; n < 3; n++) await expect(ask()).rejects.toThrow(RedisFailed)
  stand.bridge.take()
  const begun = performance.now()
  for (let n = 0; n < 100; n++) await expect(ask()).rejects.toThrow(RedisFailed)
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(stand.bridge.take()).toBeLessThan(5)
  expect(await metrics.text()).toMatch(/^redis_spared\{.*\} 1$/m)
  stand.bridge.become('open')
  await expect.poll(ask, { timeout: 20_000 }).toBeTruthy()
  expect(log.filter(line => line.includes('Redis answers again'))).toHaveLength(1)
  expect(log.filter(line => line.includes('is not asked for a while'))).toHaveLength(1)
})

redisTest('a failure says nothing of what was asked, nor with what token', async () => {
  const { redis, log } = await stand.open()
  const failure = await redis.ask(pipeline => pipeline.eval('not a script: private words', [], ['private words'])).catch(error => error)
  expect(failure).toBeInstanceOf(RedisFailed)
  expect(`${log.join('')}${failure.stack}${JSON.stringify(failure)}`).not.toMatch(/private|token-of/)
  const stranger = await openRedis({ ...stand.bridge, token: 'wrong token' }, 'key', makeLog('silent', undefined), makeMetrics())
  await expect(stranger.ask(pipeline => pipeline.get('private'))).rejects.toThrow(/^UpstashError$/)
})
