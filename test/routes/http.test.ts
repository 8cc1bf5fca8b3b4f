import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
let call: Call
beforeAll(async () => {
  app = await run({ LOG_LEVEL: 'debug' })
  call = (await app.organization()).call
})
afterAll(() => app.stop())

const paths = (body: { errors?: { path: string }[] }) => body.errors?.map(({ path }) => path)

test('a path that is not there is 404, a method that a path lacks is 405 and says which it has', async () => {
  for (const path of ['/', '/nobody', '/agents/a/b', '/agents/counters/a/b/c', '/agents/agents', '/favicon'])
    expect([path, (await call('GET', path)).body.code]).toEqual([path, 'not_found'])
  const { status, headers, body } = await call('PUT', '/agents/a')
  expect([status, body.code, headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, PATCH, DELETE'])
  expect((await call('DELETE', '/agents')).headers.get('allow')).toBe('POST, GET')
  expect((await call('OPTIONS', '/agents')).status).toBe(405)
})

test('an error is a problem with all its fields, under the id of its request', async () => {
  const { headers, body } = await call('GET', '/agents/nobody', undefined, { 'x-request-id': 'mine-1' })
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(headers.get('x-request-id')).toBe('mine-1')
  expect(body).toEqual({
    type: 'urn:agenthub:problem:not_found',
    title: 'Not Found',
    status: 404,
    detail: 'there is no agent nobody',
    code: 'not_found',
    request_id: 'mine-1',
  })
})

test('an id of a request is taken over where it is one, and made otherwise', async () => {
  const ids = await Promise.all(
    ['trace:1/a', 'two words', 'x'.repeat(129), ''].map(async id => {
      const { headers } = await call('GET', '/agents', undefined, { 'x-request-id': id })
      return headers.get('x-request-id')
    }),
  )
  expect(ids[0]).toBe('trace:1/a')
  for (const id of ids.slice(1)) expect(id).toMatch(/^[\da-f-]{36}$/)
})

test('the trace of a request is in the log', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await call('GET', '/agents/untraced', undefined, { traceparent: 'nonsense', 'x-request-id': 'untraced' })
  await call('GET', '/agents/traced', undefined, { traceparent, 'x-request-id': 'traced' })
  const line = (id: string) => app.log.map(text => JSON.parse(text)).find(({ request_id }) => request_id === id)
  expect(line('traced')['logging.googleapis.com/trace']).toBe('0af7651916cd43dd8448eb211c80319c')
  expect(line('untraced')).not.toHaveProperty('logging.googleapis.com/trace')
})

test('a body is JSON in UTF-8, or 415', async () => {
  for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1', 'multipart/form-data; boundary=x'])
    expect([type, (await call('POST', '/agents', '{"name":"A"}', { 'content-type': type })).body.code]).toEqual([
      type,
      'unsupported_media_type',
    ])
  for (const type of ['application/json', 'APPLICATION/JSON; charset=UTF-8', 'application/merge-patch+json'])
    expect([type, (await call('POST', '/agents', '{"name":"A"}', { 'content-type': type })).status]).toEqual([type, 201])
})

test.each([
  ['no JSON', '{"name":'],
  ['two values', '{"name":"A"}{"name":"B"}'],
  ['a comment', '{"name":"A"} // b'],
  ['NaN', '{"name":NaN}'],
  ['a byte order mark', '\ufeff\ufeff{"name":"A"}'],
  ['a raw line feed in a text', '{"name":"A\nB"}'],
  ['broken JSON with a long number', '{"name":12345678901234567890'],
])('a body with %s is 400', async (_, body) => {
  const answer = await call('POST', '/agents', body)
  expect([answer.status, answer.body.code, answer.body.detail]).toEqual([400, 'invalid_request', 'the body is not valid JSON'])
})

test.each([
  ['U+0000', '{"name":"A","configuration":{"a":["x","\\u0000"]}}', 'configuration/a/1'],
  ['U+0000 in a key', '{"name":"A","configuration":{"\\u0000":1}}', 'configuration/\\u0000'],
  ['a lone surrogate', '{"name":"\\ud800"}', 'name'],
  ['a lone surrogate in a key', '{"name":"A","configuration":{"\\udc00":1}}', 'configuration/\ufffd'],
  ['an exponent beyond any use', '{"name":"A","configuration":{"a":1e1001}}', 'configuration/a'],
])('a body with %s is 400 and names the place', async (_, body, path) => {
  const answer = await call('POST', '/agents', body)
  expect([answer.status, paths(answer.body)]).toEqual([400, [path]])
})

test('bodies nest up to 100 levels', async () => {
  const nested = (levels: number) => `{"name":"A","configuration":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  expect((await call('POST', '/agents', nested(100))).status).toBe(201)
  const beyond = await call('POST', '/agents', nested(101))
  expect([beyond.status, beyond.body.detail]).toEqual([400, expect.stringContaining('nested more than 100 levels')])
  expect((await call('POST', '/agents', nested(200_000))).status).toBe(400)
})

test('a body over 1 MB is 413, by its announced length or as its chunks come', async () => {
  const text = (size: number) => JSON.stringify({ name: 'A', description: 'x'.repeat(size) })
  expect((await call('POST', '/agents', text(1024 * 1024 - 40))).status).toBe(201)
  const { status, body } = await call('POST', '/agents', text(1024 * 1024))
  expect([status, body.code]).toEqual([413, 'too_large'])
  const { key } = await app.organization()
  const chunked = (size: number) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
      const asked = request(`${app.url}/agents`, { method: 'POST', headers }, response => resolve(response.resume().statusCode))
      asked.on('error', reject) // after the answer it changes nothing: the promise is settled
      asked.write(text(size).slice(0, 100_000))
      asked.end(text(size).slice(100_000))
    })
  expect(await chunked(500_000)).toBe(201)
  expect(await chunked(1024 * 1024)).toBe(413)
})

test('unknown fields and query parameters are refused by their names', async () => {
  const unknown = await call('POST', '/agents', '{"name":"A","colour":1,"__proto__":{},"Name":2}')
  expect([unknown.status, paths(unknown.body)?.sort()]).toEqual([400, ['Name', '__proto__', 'colour']])
  const deep = await call('POST', '/conversations', { agent_id: 'a', messages: [{ role: 'user', content: 'x', tone: 1 }] })
  expect(paths(deep.body)).toEqual(['messages/0/tone'])
  for (const query of ['colour=1', '__proto__=1', 'Limit=1'])
    expect(paths((await call('GET', `/agents?${query}`)).body)).toEqual([query.split('=')[0]])
  expect(paths((await call('GET', '/agents/a?limit=1')).body)).toEqual(['limit'])
  expect(paths((await call('GET', '/agents?q=a&q=b')).body)).toEqual(['q'])
  expect(paths((await call('GET', '/agents?q=%00')).body)).toEqual(['q'])
})

test.each(['0', '201', '-1', '1.5', 'x', '', ' ', '99999999999999999999'])('a limit of %j is refused', async limit => {
  const answer = await call('GET', `/agents?limit=${encodeURIComponent(limit)}`)
  expect([answer.status, [...new Set(paths(answer.body))]]).toEqual([400, ['limit']])
})

test('a cursor is good for its own list of its own organization only', async () => {
  for (const name of ['a', 'b']) await call('POST', '/agents', { name })
  const cursor = (await call('GET', '/agents?limit=1')).body.next_cursor as string
  expect((await call('GET', `/agents?limit=200&cursor=${cursor}`)).status).toBe(200)
  const other = (await app.organization()).call
  const flipped = `${cursor.slice(0, 25)}${cursor[25] === 'A' ? 'B' : 'A'}${cursor.slice(26)}`
  for (const [asker, path] of [
    [other, `/agents?cursor=${cursor}`],
    [call, `/conversations?cursor=${cursor}`],
    [call, `/agents?cursor=${flipped}`],
    [call, `/agents?cursor=${cursor.slice(0, 20)}`],
    [call, '/agents?cursor=x'],
    [call, '/agents?cursor='],
  ] as const) {
    const answer = await asker('GET', path)
    expect([path, answer.status, paths(answer.body)]).toEqual([path, 400, ['cursor']])
  }
})

test('a GET of what the caller has already is 304, and HEAD is GET without its body', async () => {
  const { body } = await call('POST', '/agents', { name: 'A' })
  const path = `/agents/${body.id}`
  const etag = `"${body.version}"`
  for (const known of [etag, `W/${etag}`, `"1", ${etag}`, '*']) {
    const answer = await call('GET', path, undefined, { 'if-none-match': known })
    expect([known, answer.status, answer.text, answer.headers.get('etag')]).toEqual([known, 304, '', etag])
  }
  expect((await call('GET', path, undefined, { 'if-none-match': '"1"' })).status).toBe(200)
  const [head, get] = [await call('HEAD', path), await call('GET', path)]
  expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', etag])
  expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
  expect((await call('HEAD', '/agents/nobody')).status).toBe(404)
})

test('If-Match is one ETag or any, and what is no ETag of ours matches nothing', async () => {
  const { body } = await call('POST', '/agents', { name: 'A' })
  const status = async (ifMatch: string) => (await call('PATCH', `/agents/${body.id}`, {}, { 'if-match': ifMatch })).status
  for (const wrong of ['1', '', 'W/', '"1", "2"']) expect([wrong, await status(wrong)]).toEqual([wrong, 400])
  for (const stale of [`W/"${body.version}"`, '"abc"', '""', '"99999999999999999999"'])
    expect([stale, await status(stale)]).toEqual([stale, 412])
  expect(await status('*')).toBe(200)
})

test('ids of any characters are reached through percent-encoding, up to 200 of them', async () => {
  for (const id of ['a/b', 'ä 😀', '100%', 'a?b#c', '+', ' ', '"', "'", '\\', 'x'.repeat(200), '😀'.repeat(100)]) {
    const created = await call('POST', '/agents', { id, name: 'A' })
    expect([id, created.status]).toEqual([id, 201])
    expect(created.headers.get('location')).toBe(`/agents/${encodeURIComponent(id)}`)
    expect((await call('GET', `/agents/${encodeURIComponent(id)}`)).body).toEqual(created.body)
  }
  for (const id of ['', 'x'.repeat(201), 'a\nb', '\u007f', '\u0085'])
    expect([id, paths((await call('POST', '/agents', { id, name: 'A' })).body)]).toEqual([id, ['id']])
  for (const path of ['/agents/%', '/agents/%C3', '/agents/%ED%A0%80', '/agents/%00', `/agents/${'x'.repeat(201)}`])
    expect([path, (await call('GET', path)).body.code]).toEqual([path, 'invalid_request'])
})

test('a trailing slash changes nothing', async () => {
  expect((await call('POST', '/agents/', { id: 'slash', name: 'A' })).status).toBe(201)
  expect((await call('GET', '/agents/')).text).toBe((await call('GET', '/agents')).text)
  expect((await call('GET', '/agents/slash/')).status).toBe(200)
})
