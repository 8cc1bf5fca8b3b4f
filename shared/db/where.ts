import { type Json, LosslessNumber, stringify } from '../json.ts'
import { microsecondsOf, sortKey } from '../sortkey.ts'
import { type Condition, isNumber, type Where } from '../where.ts'
import type { Value } from './batch.ts'

/** Collects a statement's values, and names their places in its text. */
export type Values = { readonly list: Value[]; add(value: Value, type: string): string }

/** `first` are the values that the statement begins with: $1, $2, ... */
export const valuesOf = (first: readonly Value[]): Values => {
  const list = [...first]
  return { list, add: (value, type) => `$${list.push(value)}::${type}` }
}

/** Where a filter looks: `data` is the SQL of the jsonb object, `columns` that of the table's declared columns, if it has any. */
export type Looks = { data: string; columns?: string }

/**
 * A filter as a condition in SQL, never null. Only the tree's shape is in the text: every name, operand and pattern is a value.
 * So a text is as long-lived as its shape: a statement made of it is sent `nameless`.
 */
export const whereSql = (where: Where, looks: Looks, values: Values): string => {
  if ('all' in where) return allSql(where.all, looks, values)
  if ('any' in where) return joined(where.any, ' or ', 'false', looks, values)
  if ('not' in where) return `(not ${whereSql(where.not, looks, values)})`
  return conditionSql(where, looks, values)
}

const joined = (parts: readonly Where[], by: string, none: string, looks: Looks, values: Values): string =>
  parts.length === 0 ? none : `(${parts.map(part => whereSql(part, looks, values)).join(by)})`

const comparators = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const

/** A field's bounds in time, below and above, if some are among the conditions. */
const stretchOf = (parts: readonly Where[]): [Condition, Condition] | undefined => {
  const bounds = parts.filter(
    (part): part is Condition =>
      'op' in part && part.op in comparators && typeof part.operand === 'string' && microsecondsOf(part.operand) !== undefined,
  )
  for (const low of bounds)
    for (const high of bounds) if (low.op.startsWith('$gt') && high.op.startsWith('$lt') && low.field === high.field) return [low, high]
  return undefined
}

/** Both bounds of a stretch of time are one condition: reading a row's text as a time costs more than all else of it. */
const allSql = (parts: readonly Where[], looks: Looks, values: Values): string => {
  const stretch = looks.columns === undefined ? undefined : stretchOf(parts)
  if (stretch === undefined) return joined(parts, ' and ', 'true', looks, values)
  const rest = parts.filter(part => !stretch.includes(part as Condition))
  return `(${stretchSql(...stretch, looks as Required<Looks>, values)} and ${allSql(rest, looks, values)})`
}

const stretchSql = (low: Condition, high: Condition, { data, columns }: Required<Looks>, values: Values): string => {
  const name = values.add(low.field, 'text')
  const text = `(${data} ->> ${name})`
  const [from, to] = [values.add(low.operand as string, 'text'), values.add(high.operand as string, 'text')]
  const bounds = `${low.op === '$gte' ? '[' : '('}${high.op === '$lte' ? ']' : ')'}`
  return `case when jsonb_typeof(${data} -> ${name}) is distinct from 'string' then false
    when (select column_type(${columns}, ${name})) is not distinct from 'timestamp' then coalesce(time_of(${text}) <@ (
      select case when low <= high then tstzrange(low, high, '${bounds}') else 'empty' end from time_of(${from}) low, time_of(${to}) high), false)
    else ${text} collate "C" ${low.op === '$gte' ? '>=' : '>'} ${from} and ${text} collate "C" ${high.op === '$lte' ? '<=' : '<'} ${to} end`
}

const conditionSql = ({ field, op, operand }: Condition, { data, columns }: Looks, values: Values): string => {
  const json = (value: unknown) => values.add(stringify(value), 'jsonb')
  const name = () => values.add(field, 'text')
  const equal = () => `coalesce(${data} -> ${name()} = ${json(operand)}, false)`
  const among = () => `coalesce(${data} -> ${name()} = any (array(select jsonb_array_elements(${json(operand)}))), false)`
  switch (op) {
    case '$eq':
      return equal()
    case '$ne':
      return `(not ${equal()})`
    case '$in':
      return among()
    case '$nin':
      return `(not ${among()})`
    case '$exists':
      return `(${data} ? ${name()}) = ${operand === true}`
    case '$contains':
      return `coalesce(${data} -> ${name()} @> ${json(operand)}, false)`
    case '$like':
    case '$ilike':
      return likeSql(op, data, name(), values.add(operand as string, 'text'))
    default:
      return comparison({ field, op, operand }, comparators[op], { data, columns } as Looks, values)
  }
}

/** Upper and lower case by Unicode's own table: the same wherever the database stands. */
const folded = (text: string): string => `lower((${text}) collate "pg_c_utf8")`

const likeSql = (op: '$like' | '$ilike', data: string, name: string, pattern: string): string => {
  const text = `${data} ->> ${name}`
  const like = op === '$like' ? `(${text}) collate "C" like ${pattern}` : `${folded(text)} like ${folded(pattern)}`
  return `case when jsonb_typeof(${data} -> ${name}) = 'string' then ${like} else false end`
}

/** Numbers are compared with numbers, texts with texts by their bytes; in a column that is declared so, times with times alone. */
const comparison = ({ field, operand }: Condition, comparator: string, { data, columns }: Looks, values: Values): string => {
  const name = values.add(field, 'text')
  const type = `jsonb_typeof(${data} -> ${name})`
  const text = `(${data} ->> ${name})`
  if (isNumber(operand))
    return `case when ${type} = 'number' then ${text}::numeric ${comparator} ${values.add(String(operand), 'numeric')} else false end`
  const given = values.add(operand as string, 'text')
  const asTexts = `${text} collate "C" ${comparator} ${given}`
  if (columns === undefined) return `case when ${type} = 'string' then ${asTexts} else false end`
  const isTime = microsecondsOf(operand as string) !== undefined
  // what no row changes stands in a select of its own: it is asked once
  const asTimes = isTime ? `coalesce(time_of(${text}) ${comparator} (select time_of(${given})), false)` : 'false'
  return `case when ${type} is distinct from 'string' then false
    when (select column_type(${columns}, ${name})) is not distinct from 'timestamp' then ${asTimes} else ${asTexts} end`
}

/** What the indexes can say of a filter: ranges for data_index, and objects of which each record must contain one for the GIN index. */
export type Sought = { ranges: Range[]; containing: object[][] }
export type Range = { field: string; from?: unknown; to?: unknown; values?: unknown[] }

/** Conditions that every match fulfils, as record_candidates() of sql/012 takes them. */
export const soughtOf = (where: Where): Sought => {
  const ranges: Range[] = []
  const containing: object[][] = []
  const together: { [field: string]: unknown } = {}
  for (const { field, op, operand } of requiredOf(where)) {
    if (op === '$eq') {
      if (hasOrder(operand)) ranges.push({ field, values: [operand] })
      if (Object.hasOwn(together, field)) containing.push([objectOf(field, operand)])
      else Object.defineProperty(together, field, { value: operand, enumerable: true })
    } else if (op === '$in') {
      const list = operand as Json[]
      if (list.every(hasOrder)) ranges.push({ field, values: list })
      containing.push(list.map(value => objectOf(field, value)))
    } else if (op === '$contains') containing.push(holding(field, operand))
    else if (op === '$gt' || op === '$gte') ranges.push({ field, from: operand })
    else if (op === '$lt' || op === '$lte') ranges.push({ field, to: operand })
  }
  if (Object.keys(together).length > 0) containing.unshift([together])
  return { ranges: merged(ranges), containing }
}

const hasOrder = (value: Json): boolean => sortKey(value, false) !== undefined

/** An object of one field, whatever its name is (__proto__ is one like any other). */
const objectOf = (field: string, value: unknown): object => Object.defineProperty({}, field, { value, enumerable: true })

/** A list holds a value, or the value stands there itself. */
const holding = (field: string, operand: unknown): object[] =>
  typeof operand === 'object' && operand !== null && !(operand instanceof LosslessNumber)
    ? [objectOf(field, operand)]
    : [objectOf(field, operand), objectOf(field, [operand])]

const requiredOf = (where: Where): readonly Condition[] => {
  if ('all' in where) return where.all.flatMap(requiredOf)
  if ('any' in where) return where.any.length === 1 ? where.any.flatMap(requiredOf) : []
  return 'not' in where ? [] : [where]
}

/** One lower and one upper bound of a field make one range. */
const merged = (ranges: readonly Range[]): Range[] => {
  const open = new Map<string, Range>()
  const closed: Range[] = []
  for (const range of ranges) {
    const before = open.get(range.field)
    const joins = before && (range.from === undefined ? before.to === undefined : before.from === undefined)
    if (range.values !== undefined) closed.push(range)
    else if (joins) Object.assign(before, range)
    else if (before) closed.push(range)
    else open.set(range.field, { ...range })
  }
  return [...closed, ...open.values()]
}
