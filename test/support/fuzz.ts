import { type Json, LosslessNumber } from '../../shared/json.ts'

export type Schema = {
  type?: string | string[]
  enum?: Json[]
  const?: Json
  anyOf?: Schema[]
  oneOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  format?: string
  pattern?: string
  maxLength?: number
  maximum?: number
  additionalProperties?: Schema | boolean
}

/** Chances that are the same for the same seed (mulberry32). */
export const chances = (seed: number, known: Map<string, string[]> = new Map()) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  /** An id that an answer of this function has told, if any has. */
  const idOf = (name: string): string | undefined => pick(known.get(name) ?? [])
  return { below, pick, idOf, maybe: (likelihood: number) => next() < likelihood }
}
export type Chances = ReturnType<typeof chances>

const TEXTS = [
  ...['', ' ', 'a', 'Concierge', 'x'.repeat(200), 'x'.repeat(256), 'x'.repeat(20_000), 'null', 'undefined', 'NaN', '0', '-1', '1e400'],
  ...[
    'é',
    '😀',
    'a\u0308',
    '\u202eabc',
    '\ufeff',
    '\uffff',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'x\udc00y',
    '\u0001\u001f\u007f\u0085',
    '\n\r\t',
  ],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', "'; drop table agents; --", '$1', '%', '_', '\\', '"', '<script>'],
  ...['/', '..', '../..', 'health', 'counters', 'me', 'a:*', '"a phrase" -not', '!', '& |', '( <-> )', 'a@b.example', 'A@B.EXAMPLE'],
  ...[
    '2026-01-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01T00:00:00+15:59',
  ],
]
const NUMBERS = ['0', '-0', '1', '-1', '0.1', '1.5', '201', '9007199254740993', '12345678901234567890', '1e5', '1e400', '-1e400', '1e-400']
  .concat(['1e1001', '1e-99999999', '1E+308', '0.30000000000000004', '9'.repeat(400), `0.${'1'.repeat(400)}`])
  .map(text => new LosslessNumber(text))

const deep = (levels: number): Json => {
  let value: Json = 'deep'
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { deeper: value }
  return value
}

/** Values that nobody asked for. */
export const oddValue = (chance: Chances): Json => {
  const kind = chance.below(9)
  if (kind < 3) return chance.pick(TEXTS)
  if (kind < 5) return chance.pick(NUMBERS)
  if (kind === 5) return chance.pick([null, true, false, [], {}, [[]], [null], { '': null }])
  if (kind === 6) return deep(chance.pick([3, 50, 98, 99, 100, 101, 1000]))
  if (kind === 7) return JSON.parse(`{"__proto__":{"id":"x"},"constructor":{"prototype":{}},"toString":1}`)
  return Array.from({ length: chance.pick([1, 10, 2000]) }, () => chance.pick<Json>(['a', 1, null, {}]))
}

export const oddText = (chance: Chances): string => chance.pick(TEXTS)

/** A value of a schema; at each place it may be an odd one instead, with likelihood `wild`. */
export const sampleOf = (schema: Schema, chance: Chances, wild: number): Json => {
  if (chance.maybe(wild)) return oddValue(chance)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return chance.pick(schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return sampleOf(chance.pick(choices), chance, wild)
  const type = Array.isArray(schema.type) ? chance.pick(schema.type) : schema.type
  if (type === 'array') return Array.from({ length: 1 + chance.below(3) }, () => sampleOf(schema.items ?? {}, chance, wild))
  if (type === 'object') return objectOf(schema, chance, wild)
  if (type === 'number' || type === 'integer') return chance.pick(NUMBERS)
  if (type === 'boolean') return chance.maybe(0.5)
  if (type === 'null') return null
  if (type === 'string') return textOf(schema, chance)
  return oddValue(chance)
}

const textOf = ({ format }: Schema, chance: Chances): string => {
  if (format === 'email') return `${chance.below(1e9).toString(36)}@example.com`
  if (format === 'date-time') return chance.pick(TEXTS.filter(text => /^\d{4}-/.test(text)))
  return chance.maybe(0.7) ? chance.below(1e9).toString(36) : chance.pick(TEXTS)
}

/** How often a field is an id of an agent that is there: to be taken, and to be named. */
const likely: Record<string, number> = { id: 0.3, agent_id: 0.9 }

const objectOf = ({ properties = {}, required = [] }: Schema, chance: Chances, wild: number): Json => {
  const value: { [key: string]: Json } = {}
  const set = (name: string, inner: Json) => Object.defineProperty(value, name, { value: inner, enumerable: true, configurable: true })
  for (const [name, inner] of Object.entries(properties))
    if (chance.maybe(required.includes(name) ? 1 - wild / 4 : 0.5))
      set(name, (chance.maybe(likely[name] ?? 0) && chance.idOf('agents')) || sampleOf(inner, chance, wild))
  if (chance.maybe(wild)) set(oddText(chance), oddValue(chance))
  return value
}
