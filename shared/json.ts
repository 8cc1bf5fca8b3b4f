import { LosslessNumber, parse as parseLossless } from 'lossless-json'
import { invalid, Refusal } from './errors.ts'

export { LosslessNumber }

/** Any JSON value; a number that a double cannot hold exactly is a LosslessNumber with its digits. */
export type Json = null | boolean | number | string | LosslessNumber | Json[] | { [key: string]: Json }

/**
 * 15 or more characters of number, or an exponent: only such literals can lose digits or overflow in a double. Each number is looked at
 * once, from its first digit: a vector has 1,536 of them.
 */
const RISKY_NUMBER = /(?<![\d.])\d(?:[\d.]{14}|(?<=(?:^|[\s[:,])-?\d)[\d.]*[eE])/
const MAX_DEPTH = 100
const MAX_EXPONENT = 1000

/** How much longer than itself a body may become where Postgres writes its numbers out: `1e999` has a thousand digits there. */
const SPREAD = { times: 4, more: 10_000 }

/** A number that came with however many digits, as a double. */
export const numberOf = (number: number | LosslessNumber): number => (typeof number === 'number' ? number : Number(number.value))

const exactNumber = (literal: string): number | LosslessNumber => {
  const value = Number(literal)
  const underflows = value === 0 && /^[-0.]*[1-9]/.test(literal)
  const exact = literal.length < 16 && !underflows && (Number.isSafeInteger(value) || !/e/i.test(literal))
  return exact ? value : new LosslessNumber(literal)
}

/** Parses JSON without losing a digit: the fast built-in parser unless the text holds a number that a double might round. */
export const parseJson = (text: string): Json =>
  (RISKY_NUMBER.test(text)
    ? parseLossless(text, null, { parseNumber: exactNumber, onDuplicateKey: ({ newValue }) => newValue })
    : JSON.parse(text)) as Json

const hasLossless = (value: unknown): boolean =>
  value instanceof LosslessNumber || (typeof value === 'object' && value !== null && Object.values(value).some(hasLossless))

const write = (value: unknown): string => {
  if (value instanceof LosslessNumber) return value.value
  if (Array.isArray(value)) return `[${value.map(write).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${write(inner)}`).join()}}`
}

/** JSON text of a value that may hold LosslessNumbers. */
export const stringify = (value: unknown): string => (hasLossless(value) ? write(value) : JSON.stringify(value))

/**
 * Parses a request's body, and refuses what Postgres could not keep as it is: malformed JSON, U+0000, lone surrogates,
 * nesting beyond 100 levels, exponents beyond 1000; and more exponents than its own length excuses, for all that reads it would be
 * that much longer.
 */
export const parseBody = (text: string): Json => {
  let value: Json
  try {
    value = parseJson(text)
  } catch (cause) {
    throw new Refusal('invalid_request', 'the body is not valid JSON', { cause })
  }
  if (typeof value === 'object' || typeof value === 'string') check(value, '', 0, { left: SPREAD.times * text.length + SPREAD.more })
  return value
}

/** How many digits exponents may still add. */
type Room = { left: number }

const check = (value: Json, path: string, depth: number, room: Room): void => {
  if (typeof value === 'string') checkText(value, path)
  if (value instanceof LosslessNumber) checkNumber(value, path, room)
  else if (typeof value === 'object' && value !== null) checkEntries(value, path, depth, room)
}

const checkEntries = (value: object, path: string, depth: number, room: Room): void => {
  if (depth >= MAX_DEPTH) throw invalid(path.slice(0, 200), `is nested more than ${MAX_DEPTH} levels deep`)
  if (Array.isArray(value)) {
    for (const [i, inner] of value.entries()) {
      if (typeof inner === 'number') continue // as all of a vector's are, whose paths need not be made
      check(inner, path === '' ? `${i}` : `${path}/${i}`, depth + 1, room)
    }
    return
  }
  for (const [key, inner] of Object.entries(value)) {
    const at = path === '' ? key : `${path}/${key}`
    checkText(key, at)
    check(inner as Json, at, depth + 1, room)
  }
}

/** Refuses text that Postgres cannot store: U+0000 and lone surrogates. */
export const checkText = (text: string, path: string): void => {
  if (text.includes('\u0000')) throw invalid(clean(path), 'must not contain U+0000')
  if (!text.isWellFormed()) throw invalid(clean(path), 'must be well-formed Unicode (it has a lone surrogate)')
}

const clean = (path: string): string => path.toWellFormed().replaceAll('\u0000', '\\u0000').slice(0, 200)

const checkNumber = (value: LosslessNumber, path: string, room: Room): void => {
  const exponent = Math.abs(Number(/e([+-]?\d+)$/i.exec(value.value)?.[1] ?? 0))
  if (exponent > MAX_EXPONENT) throw invalid(path, `has an exponent beyond ${MAX_EXPONENT}`)
  room.left -= exponent
  if (room.left < 0) throw invalid(path, 'is one exponent too many: written out, the numbers are several times as long as the body')
}

/** The same text for equal values: keys sorted, 1.0 as 1, -0 as 0, integers of any size exact. */
export const canonicalText = (value: unknown): string => {
  if (typeof value === 'number' || value instanceof LosslessNumber) return canonicalNumber(String(value))
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`).join()}}`
}

/** A decimal as its digits and exponent: `-12.50` and `-1.25e1` are both `-125e-1`. */
const canonicalNumber = (literal: string): string => {
  const [, sign, whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(literal) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
