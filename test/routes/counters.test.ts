import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

test('a counter begins at 0 with its first increment, by 1 unless said', async () => {
  const { call } = await app.organization()
  expect((await call('GET', '/agents/counters/visits')).status).toBe(404)
  expect((await call('POST', '/agents/counters/visits/increment')).text).toBe('{"name":"visits","value":1}')
  expect((await call('POST', '/agents/counters/visits/increment', {})).text).toBe('{"name":"visits","value":2}')
  expect((await call('GET', '/agents/counters/visits')).text).toBe('{"name":"visits","value":2}')
  expect((await call('GET', '/agents/counters')).body).toEqual({ items: [{ name: 'visits', value: 2 }], next_cursor: null })
})

test.each([
  ['9007199254740993', '9007199254740993'],
  ['12345678901234567890.5', '12345678901234567890.5'],
  ['"12345678901234567890"', '12345678901234567890'],
  ['0.1', '0.1'],
  ['"-0.30"', '-0.30'],
  ['1e3', '1000'],
  ['"1e-5"', '0.00001'],
])('an increment by %s makes %s', async (by, value) => {
  const { call } = await app.organization()
  const answer = await call('POST', '/agents/counters/n/increment', `{"by":${by}}`)
  expect([answer.status, answer.text]).toEqual([200, `{"name":"n","value":${value}}`])
})

test.each(['"many"', 'null', '"NaN"', '"Infinity"', '1e400', '1e999', '"1e1000"', '""', '" 1"', '"0x10"', '"1_000"', 'true', '[1]', '{}'])(
  'an increment by %s is a number or names by',
  async by => {
    const { call } = await app.organization()
    const answer = await call('POST', '/agents/counters/n/increment', `{"by":${by}}`)
    if (/^1e(400|999)$/.test(by))
      return expect([answer.status, answer.text]).toEqual([200, `{"name":"n","value":1${'0'.repeat(Number(by.slice(2)))}}`])
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'by'])
    expect((await call('GET', '/agents/counters/n')).status).toBe(404)
  },
)

test('a counter may have any name', async () => {
  const { call } = await app.organization()
  for (const name of ['a/b', 'ä 😀', '%', '+', 'increment', '__proto__']) {
    const path = `/agents/counters/${encodeURIComponent(name)}`
    expect((await call('POST', `${path}/increment`, { by: 3 })).body).toEqual({ name, value: 3 })
    expect((await call('GET', path)).body).toEqual({ name, value: 3 })
  }
})
