import { type Json, stringify } from '../../shared/json.ts'
import { type Chances, oddText, sampleOf } from './fuzz.ts'
import type { Operation } from './operations.ts'
import type { Sent } from './raw.ts'

const asText = (value: Json): string => (typeof value === 'string' ? value : stringify(value))
/** The function that a path belongs to. */
export const functionOf = (path: string): string => path.split('/')[1] as string
const percent = (text: string): string => encodeURIComponent(text.toWellFormed())
const BROKEN_PERCENT = ['%', '%zz', '%00', '%ED%A0%80', '%C3', '%2F', '%2e%2e', '+', '~', '*', '%F0%9F%98%80']
const HEADERS: Record<string, string[]> = {
  'if-match': ['"1"', '*', 'W/"1"', '1', '', '"1", "2"', '"99999999999999999999"', '"é"', '"'],
  'if-none-match': ['"1"', '*', 'W/"1"', '', ',', 'é'],
  'idempotency-key': ['k1', 'k2', 'k3', '', ' ', 'x'.repeat(255), 'x'.repeat(256), 'é', '"k"'],
  authorization: ['', 'Bearer', 'Bearer x', 'Basic YTpi', 'Bearer a.b.c', `Bearer ${'x'.repeat(5000)}`, `Bearer ah_AAAA_${'A'.repeat(43)}`],
  'content-type': ['', 'text/plain', 'application/json; charset=latin1', 'multipart/form-data; boundary=x', 'application/xml', 'é'],
  'x-request-id': ['mine', '', 'x'.repeat(500), 'é', '\t'],
  'x-forwarded-for': ['1.2.3.4', 'nobody', ', ,', 'é'.repeat(200)],
  traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-zz-1-1', ''],
  accept: ['text/html', 'image/png', ''],
  'content-encoding': ['gzip', 'br', 'identity'],
  'x-http-method-override': ['DELETE'],
}

/** A request of an operation by `token`: mostly a right one, some a little odd, some wholly. */
export const requestOf = ({ method, path, parameters, body }: Operation, chance: Chances, token: string): Sent => {
  const wild = chance.pick([0, 0, 0.03, 0.3])
  const segment = () => {
    const id = chance.idOf(functionOf(path))
    if (chance.maybe(0.7) && id !== undefined) return percent(id)
    return chance.maybe(0.2) ? chance.pick(BROKEN_PERCENT) : percent(oddText(chance).slice(0, 3000))
  }
  const query = parameters
    .filter(one => one.in === 'query' && chance.maybe(0.4))
    .map(one => `${one.name}=${percent(asText(sampleOf(one.schema, chance, wild)).slice(0, 3000))}`)
  if (chance.maybe(wild))
    query.push(chance.pick(['limit=', 'limit=0', 'limit=1e2', 'cursor=x', 'cursor=', '__proto__=1', '=', '&&', '%', 'a=%zz']))
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  if (body) headers['content-type'] = 'application/json'
  for (const { name } of parameters.filter(one => one.in === 'header' && one.required)) headers[name.toLowerCase()] = `${chance.below(1e9)}`
  for (const [name, values] of Object.entries(HEADERS)) if (chance.maybe(wild / 2 + 0.03)) headers[name] = chance.pick(values)
  const verb = chance.maybe(wild / 3)
    ? chance.pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'])
    : method
  return {
    method: verb,
    path: `${path.replace(/\{\w+\}/g, segment)}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    headers,
    body: body || chance.maybe(wild / 3) ? bodyOf(body, chance, wild) : undefined,
  }
}

const bodyOf = (schema: Operation['body'], chance: Chances, wild: number): string | Buffer => {
  const text = stringify(sampleOf(schema ?? {}, chance, wild))
  if (!chance.maybe(wild / 3)) return text
  return chance.pick<() => string | Buffer>([
    () => text.slice(0, chance.below(text.length)),
    () => `${text}${text}`,
    () => '',
    () => Buffer.from([0xff, 0xfe, 0x00]),
    () => Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    () => `\ufeff${text}`,
    () => '['.repeat(100_000),
    () => '{"a":'.repeat(20_000),
    () => `{"name":"a","name":${text}}`,
    () => '{"name":NaN}',
    () => `{"name":"${'x'.repeat(1_100_000)}"}`,
  ])()
}
