import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { dictionariesOf, line } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

test('what cannot be stored is quarantined with key and reason, and its neighbours are imported', async () => {
  const dictionaries = dictionariesOf(app)
  const bad: [key: string | null, line: string, reason: RegExp][] = [
    ['zero', '{"key":"zero","value":{"name":"a\\u0000b"}}', /Unicode|u0000/i],
    ['lone', '{"key":"lone","value":{"name":"\\ud800"}}', /surrogate/],
    ['nan', '{"key":"nan","value":{"name":"x","config":{"a":NaN}}}', /NaN/],
    ['cut', '{"key":"cut","value":{"name":', /json/],
    ['deep', `{"key":"deep","value":{"name":"x","config":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`, /levels deep/],
    ['huge', '{"key":"huge","value":{"name":"x","config":1e200000}}', /numeric|json/],
    ['time', line('time', { name: 'x', created_at: 'tomorrow' }), /^created_at: a time is expected$/],
    ['month', line('month', { name: 'x', created_at: '2026-13-01' }), /^created_at: a time is expected$/],
    ['number', line('number', { name: 5 }), /^name: text is expected$/],
    ['nameless', line('nameless', { industry: 'x' }), /^name: text is expected$/],
    ['boolean', line('boolean', { name: 'x', status: true }), /^status: text is expected$/],
    ['long', line('long', { name: 'x'.repeat(300) }), /agents_name_check/],
    ['status', line('status', { name: 'x', status: 'gone' }), /agents_status_check/],
    ['list', line('list', [1]), /^an object is expected$/],
    ['whose', line('whose', { name: 'x', organization_id: 5 }), /^organization_id: text is expected$/],
    ['k'.repeat(201), line('k'.repeat(201), { name: 'x' }), /agents_id_check/],
    ['\\ud800', '{"key":"\\ud800","value":{"name":"x"}}', /surrogate/],
    [null, 'nonsense', /^line \d+: .*json/],
    [null, '{"value":{"name":"x"}}', /^line \d+: a line is/],
  ]
  const good = ['one', 'two', 'three'].map(key => line(key, { name: key }))
  const [first = '', ...rest] = good
  const { body } = await dictionaries.import('agents', [first, ...bad.map(([, text]) => text), '', ...rest])
  expect(body).toMatchObject({ read: bad.length + 3, inserted: 3, unchanged: 0, updated: 0, counts: { quarantined: bad.length } })
  for (const [key, , reason] of bad.filter(([key]) => key !== null && !key.startsWith('\\')))
    expect(body.quarantined).toContainEqual({ key, reason: expect.stringMatching(reason) })
  expect(body.quarantined.filter(({ key }: { key: null }) => key === null)).toHaveLength(2)

  const compared = await dictionaries.compare('agents', [...good, ...bad.slice(0, 4).map(([, text]) => text)])
  expect(compared.body).toMatchObject({ equal: false, matched: 3, counts: { quarantined: 4, different: 0, only_in_source: 0 } })
})

test('bytes that are no UTF-8 are quarantined', async () => {
  const lines = Buffer.concat([Buffer.from(`${line('fine', 1)}\n{"key":"torn","value":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')])
  const response = await fetch(`${app.url}/migration/collections/counters/import?organization=org_bytes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.shared.adminKey}`, 'content-type': 'application/x-ndjson' },
    body: lines,
  })
  expect(await response.json()).toMatchObject({
    read: 2,
    inserted: 1,
    quarantined: [{ key: 'torn', reason: 'the line is not UTF-8 text' }],
  })
})

test('only numbers are counters: not text, booleans or null', async () => {
  const bad = ['"1"', 'true', 'null', '{}', '[1]']
  const lines = bad.map((value, i) => `{"key":"c${i}","value":${value}}`)
  const { body } = await dictionariesOf(app).import('counters', lines)
  expect(body.quarantined).toEqual(bad.map((_, i) => ({ key: `c${i}`, reason: 'a number is expected' })))
})

test('a conversation with a wrong message is quarantined whole, and the place is told', async () => {
  const dictionaries = dictionariesOf(app)
  const { body } = await dictionaries.import('conversations', [
    line('c1', {
      messages: [
        { role: 'user', content: 'x' },
        { role: 'user', content: 5 },
      ],
    }),
    line('c2', { messages: [{ role: 'pilot', content: 'x' }] }),
    line('c3', { messages: {} }),
    line('c4', { messages: ['x'] }),
  ])
  expect(body.quarantined).toEqual(
    expect.arrayContaining([
      { key: 'c1', reason: 'messages/1: content: text is expected' },
      { key: 'c2', reason: expect.stringContaining('messages_role_check') },
      { key: 'c3', reason: 'messages: a list is expected' },
      { key: 'c4', reason: 'messages/0: an object is expected' },
    ]),
  )
  expect(body.inserted).toBe(0)
})

test('broken JSON in the form of one object is a 400', async () => {
  const dictionaries = dictionariesOf(app)
  for (const text of [
    '',
    '[]',
    '{"a":{"name":"x"}',
    '{"a" {"name":"x"}}',
    '{"a":}',
    '{"a":{"name":tru}}',
    '{"a":{"name":"x"}} x',
    '{"a":NaN}',
    '{a:1}',
  ])
    expect([text, (await dictionaries.import('agents', text)).status]).toEqual([text, 400])
  expect((await dictionaries.import('agents', ' { } ')).body.read).toBe(0)
})

test('an object that is cut off is refused before anything of it is imported', async () => {
  const dictionaries = dictionariesOf(app, 'org_cut')
  const entries = Array.from({ length: 4500 }, (_, i) => `"cut-${i}":{"name":"Cut"}`)
  expect((await dictionaries.import('agents', `{${entries.join()}`)).status).toBe(400)
  expect(await app.database.sql("select id from agents where organization_id = 'org_cut' limit 1")).toEqual([])
})

test('of a key that NDJSON repeats the last line counts, in one batch and across batches', async () => {
  const dictionaries = dictionariesOf(app, 'org_repeat')
  const near = ['first', 'second', 'second', 'third'].map(name => line('near', { name }))
  expect((await dictionaries.import('agents', near)).body).toMatchObject({ read: 4, inserted: 1, unchanged: 1, updated: 2 })
  const filler = Array.from({ length: 4000 }, (_, i) => line(`filler-${i}`, { name: 'x'.repeat(100) }))
  const far = [line('far', { name: 'old' }), ...filler, line('far', { name: 'new' })]
  expect((await dictionaries.import('agents', far)).body).toMatchObject({ read: 4002, inserted: 4001, updated: 1 })
  const compared = await dictionaries.compare(
    'agents',
    [line('near', { name: 'x' }), ...far, line('near', { name: 'third' })],
    '&only_organization=org_repeat',
  )
  expect(compared.body).toMatchObject({ equal: true, different: [], only_in_source: [], counts: { different: 0, only_in_source: 0 } })
  const late = await dictionaries.compare('agents', [...far, line('far', { name: 'late' })], '&only_organization=org_repeat')
  expect(late.body.different).toEqual([{ key: 'far', path: '/name', source: 'late', postgres: 'new' }])
  const rows = await app.database.sql("select id, name from agents where id in ('near', 'far') order by id")
  expect(rows).toEqual([
    { id: 'far', name: 'new' },
    { id: 'near', name: 'third' },
  ])
})
