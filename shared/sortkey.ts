import { canonicalText, type Json, LosslessNumber } from './json.ts'

/** By their UTF-8 bytes, as Postgres compares under the "C" collation. */
export const compareTexts = (a: string, b: string): number => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)))

const BIAS = 200_000
const NINES: Record<string, string> = Object.fromEntries(Array.from('0123456789', digit => [digit, String(9 - Number(digit))]))

/** A number as text whose bytes sort as the number does: sign, exponent, digits; number_key() of sql/012 says the same. */
export const numberKey = (value: number | LosslessNumber): string => {
  const [, sign, digits = '', exponent] = /^(-?)(\d+)e(-?\d+)$/.exec(canonicalText(value)) ?? []
  if (exponent === undefined) return '1'
  const place = digits.length + Number(exponent)
  if (sign === '') return `2${BIAS + place}${digits}`
  return `0${BIAS - place}${digits.replace(/\d/g, digit => NINES[digit] as string)}~`
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/

/** An ISO 8601 time with its zone, in microseconds since 1970; undefined for what is none. */
export const microsecondsOf = (text: string): bigint | undefined => {
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = 'Z'] = TIME.exec(text) ?? []
  if (year === undefined || year === '0000') return undefined
  const midnight = new Date(0)
  midnight.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (midnight.getUTCMonth() !== Number(month) - 1 || midnight.getUTCDate() !== Number(day)) return undefined
  const offset = zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
  const seconds = midnight.getTime() / 1000 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second)
  return BigInt(seconds) * 1_000_000n + BigInt(Math.round(Number(`0.${fraction}`) * 1e6))
}

/** So many characters of a text count in an order. */
const COUNTED = 200

/**
 * A value as text whose bytes sort as values do: false, true, numbers, texts, times. Undefined for what has no order: null, lists,
 * objects, nothing. `asTime`: the column is a timestamp. sort_key() of sql/012 makes the same text.
 */
export const sortKey = (value: Json | undefined, asTime: boolean): string | undefined => {
  if (typeof value === 'boolean') return `b${value}`
  if (typeof value === 'number' || value instanceof LosslessNumber) return cut(`n${numberKey(value)}`)
  if (typeof value !== 'string') return undefined
  const time = asTime ? microsecondsOf(value) : undefined
  return cut(time === undefined ? `s${value}` : `t${numberKey(new LosslessNumber(`${time}e-6`))}`)
}

const cut = (key: string): string => (key.length <= COUNTED ? key : Array.from(key).slice(0, COUNTED).join(''))
