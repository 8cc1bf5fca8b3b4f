import { z } from 'zod'
import { type Json, LosslessNumber } from './json.ts'

/** What a condition may ask of one field. */
export const operators = ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$like', '$ilike', '$exists', '$contains'] as const
export type Operator = (typeof operators)[number]

/** A filter as a tree: every leaf names a field, an operator and its operand. */
export type Condition = { readonly field: string; readonly op: Operator; readonly operand: Json }
export type Where = Condition | { readonly all: readonly Where[] } | { readonly any: readonly Where[] } | { readonly not: Where }

const MAX_DEPTH = 10
const MAX_CONDITIONS = 100
const MAX_LIST = 1000
const MAX_TEXT = 10_000
const MAX_NAME = 200

export type JsonObject = { [key: string]: Json }

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber)

export const isNumber = (value: Json): value is number | LosslessNumber => typeof value === 'number' || value instanceof LosslessNumber
const isOperator = (name: string): name is Operator => operators.some(operator => operator === name)

type Complain = (path: string[], message: string) => void
type Reading = { complain: Complain; left: number }

/** What is wrong with an operand, in words, or nothing. */
const misfit = (op: Operator, operand: Json): string | undefined => {
  switch (op) {
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return typeof operand === 'string' || isNumber(operand) ? undefined : 'must be a number or a string'
    case '$in':
    case '$nin':
      return Array.isArray(operand) && operand.length <= MAX_LIST ? undefined : `must be a list of at most ${MAX_LIST} values`
    case '$like':
    case '$ilike':
      if (typeof operand !== 'string' || operand.length > MAX_TEXT) return `must be a string of at most ${MAX_TEXT} characters`
      return /^(?:[^\\]|\\[\s\S])*$/.test(operand) ? undefined : 'must not end with a lone backslash'
    case '$exists':
      return typeof operand === 'boolean' ? undefined : 'must be true or false'
    default:
      return undefined
  }
}

const readField = (field: string, value: Json, path: string[], reading: Reading): Where[] => {
  const named = isObject(value) ? Object.keys(value).filter(name => name.startsWith('$')) : []
  const conditions = named.length === 0 ? [['$eq', value] as const] : Object.entries(value as JsonObject)
  return conditions.flatMap(([op, operand]) => {
    const at = named.length === 0 ? path : [...path, op]
    if (!isOperator(op)) reading.complain(at, 'is no operator')
    else if (reading.left-- <= 0) reading.complain(at, `is more than ${MAX_CONDITIONS} conditions`)
    else {
      const wrong = misfit(op, operand)
      if (wrong === undefined) return [{ field, op, operand }]
      reading.complain(at, wrong)
    }
    return []
  })
}

const readList = (value: Json, path: string[], depth: number, reading: Reading): Where[] => {
  if (Array.isArray(value) && value.length > 0 && value.length <= MAX_CONDITIONS)
    return value.map((one, i) => readTree(one, [...path, String(i)], depth + 1, reading))
  reading.complain(path, `must be a list of 1 to ${MAX_CONDITIONS} filters`)
  return []
}

const readTree = (value: Json, path: string[], depth: number, reading: Reading): Where => {
  if (!isObject(value)) reading.complain(path, 'must be an object')
  else if (depth > MAX_DEPTH) reading.complain(path, `is nested more than ${MAX_DEPTH} levels deep`)
  else
    return {
      all: Object.entries(value).flatMap(([name, inner]): Where[] => {
        const at = [...path, name]
        if (name === '$and') return [{ all: readList(inner, at, depth, reading) }]
        if (name === '$or') return [{ any: readList(inner, at, depth, reading) }]
        if (name === '$not') return [{ not: readTree(inner, at, depth + 1, reading) }]
        if (!name.startsWith('$') && name.length <= MAX_NAME) return readField(name, inner, at, reading)
        reading.complain(at, name.startsWith('$') ? 'is no operator' : `is longer than ${MAX_NAME} characters`)
        return []
      }),
    }
  return { all: [] }
}

/**
 * A filter in a body: `{ field: value }` or `{ field: { $op: operand } }`, with $and, $or and $not. At most 10 levels and 100
 * conditions. An object without operators is a value.
 */
export const WhereShape = z
  .custom<JsonObject>(value => isObject(value as Json), 'must be an object')
  .meta({ type: 'object', description: `fields with a value or with ${operators.join(', ')}; $and, $or, $not` })
  .transform((value, context): Where => {
    const complain: Complain = (path, message) => context.addIssue({ code: 'custom', path, message })
    return readTree(value, [], 1, { complain, left: MAX_CONDITIONS })
  })
