import { canonicalText, type Json, LosslessNumber } from './json.ts'
import { compareTexts, microsecondsOf, numberKey } from './sortkey.ts'
import { type Condition, isNumber, isObject, type JsonObject, type Where } from './where.ts'

const sameValue = (a: Json, b: Json): boolean => canonicalText(a) === canonicalText(b)
const isScalar = (value: Json): boolean => typeof value !== 'object' || value === null || value instanceof LosslessNumber

/** Whether `a` contains `b` as jsonb does: each entry of an object, each element of a list, wherever it stands. */
const contains = (a: Json, b: Json): boolean => {
  if (Array.isArray(b))
    return Array.isArray(a) && b.every(part => a.some(one => (isScalar(part) ? sameValue(one, part) : contains(one, part))))
  if (isObject(b)) return isObject(a) && Object.entries(b).every(([key, part]) => Object.hasOwn(a, key) && contains(a[key] as Json, part))
  return sameValue(a, b)
}

const ANYTHING = Symbol('%')
const ANY_ONE = Symbol('_')

/** The parts of a LIKE pattern: % is anything, _ one character, \ takes the next as it is. */
const partsOf = (pattern: string): (string | symbol)[] =>
  (pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []).map(part => {
    if (part === '%') return ANYTHING
    if (part === '_') return ANY_ONE
    return part.startsWith('\\') ? part.slice(1) : part
  })

/**
 * Whether a text is as a LIKE pattern says. Only the last % met is ever widened, so that no pattern takes more steps than both have
 * characters, multiplied: a regular expression takes as many as that to the power of its %.
 */
const isLike = (text: string, pattern: string): boolean => {
  const parts = partsOf(pattern)
  const characters = Array.from(text)
  let [at, part, widened, from] = [0, 0, -1, 0]
  while (at < characters.length) {
    if (parts[part] === ANYTHING) {
      widened = part++
      from = at
    } else if (parts[part] === ANY_ONE || parts[part] === characters[at]) {
      at++
      part++
    } else if (widened >= 0) {
      part = widened + 1
      at = ++from
    } else return false
  }
  return parts.slice(part).every(one => one === ANYTHING)
}

/** Lower case, a character for a character. */
const lower = (text: string): string => Array.from(text, one => String.fromCodePoint(one.toLowerCase().codePointAt(0) as number)).join('')

const compare = (value: Json, operand: Json, asTime: boolean): number | undefined => {
  if (isNumber(operand)) return isNumber(value) ? compareTexts(numberKey(value), numberKey(operand)) : undefined
  if (typeof value !== 'string' || typeof operand !== 'string') return undefined
  if (asTime) {
    const [time, other] = [microsecondsOf(value), microsecondsOf(operand)]
    if (time === undefined || other === undefined) return undefined
    return time < other ? -1 : time > other ? 1 : 0
  }
  return compareTexts(value, operand)
}

/** Which fields of a table hold times: they are compared as times. */
export type IsTime = (field: string) => boolean
const noTimes: IsTime = () => false

const holds = (data: JsonObject, { field, op, operand }: Condition, isTime: IsTime): boolean => {
  const value = Object.hasOwn(data, field) ? data[field] : undefined
  if (value === undefined) return op === '$ne' || op === '$nin' || (op === '$exists' && operand === false)
  const ordered = (test: (order: number) => boolean): boolean => {
    const order = compare(value, operand, isTime(field))
    return order !== undefined && test(order)
  }
  switch (op) {
    case '$eq':
      return sameValue(value, operand)
    case '$ne':
      return !sameValue(value, operand)
    case '$in':
      return (operand as Json[]).some(one => sameValue(value, one))
    case '$nin':
      return !(operand as Json[]).some(one => sameValue(value, one))
    case '$gt':
      return ordered(order => order > 0)
    case '$gte':
      return ordered(order => order >= 0)
    case '$lt':
      return ordered(order => order < 0)
    case '$lte':
      return ordered(order => order <= 0)
    case '$like':
      return typeof value === 'string' && isLike(value, operand as string)
    case '$ilike':
      return typeof value === 'string' && isLike(lower(value), lower(operand as string))
    case '$exists':
      return operand === true
    case '$contains':
      return contains(value, operand) || (Array.isArray(value) && isScalar(operand) && value.some(one => sameValue(one, operand)))
  }
}

/** Whether a record's data is what a filter asks for: what the SQL of shared/db/where.ts says, in plain TypeScript. */
export const matches = (where: Where, data: JsonObject, isTime: IsTime = noTimes): boolean => {
  if ('all' in where) return where.all.every(one => matches(one, data, isTime))
  if ('any' in where) return where.any.some(one => matches(one, data, isTime))
  if ('not' in where) return !matches(where.not, data, isTime)
  return holds(data, where, isTime)
}
