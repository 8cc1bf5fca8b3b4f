import { type Json, LosslessNumber } from '../../shared/json.ts'
import { operators } from '../../shared/where.ts'

type Random = () => number
type Data = { [field: string]: Json }

/** Values that are easily taken for one another. */
const VALUES: Json[] = [
  ...[0, 1, -1, 10, 2, 0.1, 1000, -5.25, true, false, null],
  ...['1.0', '-0', '1e3', '12345678901234567890', '12345678901234567891', '0.10', '1e-20', '-12', '-123', '9007199254740993'].map(
    text => new LosslessNumber(text),
  ),
  ...[
    '',
    '0',
    '1',
    '10',
    '2',
    'true',
    'null',
    'a',
    'A',
    'ab',
    'aB',
    'ä',
    'Ä',
    'z',
    '~',
    '~ä',
    '😀',
    '\uffee',
    '%',
    '_',
    'a%',
    '\\',
    "'",
    '"',
    '$1',
    '{}',
  ],
  ...[
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.5Z',
    '2026-01-01T01:00:00+01:00',
    '2025-12-31T23:59:59.999999-00:30',
    '2026-02-30T00:00:00Z',
  ],
  ...[[], [1], ['1'], [1, 'a'], [null], [[1]], [{ a: 1 }], {}, { a: 1 }, { a: null }, { a: [1, 2] }, { a: { b: 'a' } }, { b: 1 }],
]

/** Names that are nothing but names. */
export const FIELDS = [
  'a',
  'b',
  'at',
  'price',
  '__proto__',
  'constructor',
  "a'b",
  'a"b',
  'a -> b',
  '$1'.slice(1),
  'data',
  'ä 😀',
  ') or (true',
]

const PATTERNS = ['%', '_', '', 'a%', '%a%', 'A_', '_b', '\\%', '\\_', '%\\\\%', '1%', '%😀%', 'ä', "%'%", '[a]%', 'a.']

/** Data, trees and the like, as chance has them. */
export const makeTrees = (random: Random) => {
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const several = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make)
  const set = (object: Data, name: string, value: Json): Data =>
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })

  const data = (): Data => FIELDS.filter(() => random() < 0.6).reduce((made, field) => set(made, field, pick(VALUES)), {} as Data)

  const operand = (op: string): Json => {
    if (op === '$in' || op === '$nin') return several(4, () => pick(VALUES))
    if (op === '$like' || op === '$ilike') return pick(PATTERNS)
    if (op === '$exists') return random() < 0.5
    if (op.startsWith('$gt') || op.startsWith('$lt'))
      return pick(VALUES.filter(value => typeof value === 'string' || typeof value === 'number' || value instanceof LosslessNumber))
    return pick(VALUES)
  }
  const condition = (): Json => {
    const value = pick(VALUES)
    if (random() < 0.25) return value
    return [pick(operators), pick(operators)].slice(random() < 0.7 ? 1 : 0).reduce((made, op) => set(made, op, operand(op)), {} as Data)
  }
  const tree = (depth = 0): Data => {
    const kind = depth < 3 ? random() : 1
    const part = () => tree(depth + 1)
    if (kind < 0.12) return { $and: [part(), ...several(2, part)] }
    if (kind < 0.3) return { $or: [part(), ...several(2, part)] }
    if (kind < 0.4) return { $not: part() }
    return several(3, () => pick(FIELDS)).reduce((made, field) => set(made, field, condition()), {} as Data)
  }
  /** A condition of one of the fields that bounds it, with another one beside it now and then. */
  const range = (fields: readonly string[]): Data => {
    const ops = pick([['$gt'], ['$gte'], ['$lt'], ['$lte'], ['$gt', '$lte'], ['$gte', '$lt'], ['$eq'], ['$in']])
    const bounds = ops.reduce((made, op) => set(made, op, operand(op)), {} as Data)
    const made = set({}, pick(fields), bounds)
    return random() < 0.3 ? { $and: [made, tree(2)] } : made
  }
  const order = () => several(3, () => ({ field: pick(FIELDS), direction: pick(['asc', 'desc'] as const) }))
  return { data, tree: () => tree(), range, order }
}
