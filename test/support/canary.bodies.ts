import type { Schema } from './fuzz.ts'

/** What fills a schema: a text, the digits of a number, and a value where any will do. */
export type Free = { text: string; number: string; value: unknown }

/** More alternatives than any schema of ours has: beyond it a new one should be looked at. */
const MOST = 40
/** Of a closed list of words, which hold nothing: each may be a way of its own through the code, but currencies are all alike. */
const WORDS = 8

const typesOf = ({ type }: Schema): (string | undefined)[] => [type].flat().filter(one => one !== 'null')

/**
 * Values of a schema in which every text and every number is the free one, wherever its bounds allow. Together they hold every field of
 * every alternative: an object has as many as the field that has most, a list has each value alone and all at once.
 */
export const filledOf = (schema: Schema, free: Free): unknown[] => {
  if (schema.const !== undefined) return [schema.const]
  if (schema.enum) return schema.enum.slice(-WORDS)
  const choices = (schema.anyOf ?? schema.oneOf ?? []).filter(one => one.type !== 'null')
  if (choices.length > 0) return bounded(choices.flatMap(one => filledOf(one, free)))
  const [type] = typesOf(schema)
  if (type === 'array') return listsOf(filledOf(schema.items ?? {}, free))
  if (type === 'number' || type === 'integer') return numbersOf(schema, free)
  if (type === 'boolean') return [true]
  if (type === 'string') return [textOf(schema, free)]
  if (schema.properties) return objectsOf(schema.properties, free)
  const { additionalProperties: inner } = schema
  if (typeof inner !== 'object' || Object.keys(inner).length === 0) return [free.value]
  return filledOf(inner, free).map(value => ({ [free.text]: value }))
}

const bounded = (values: unknown[]): unknown[] => {
  if (values.length > MOST) throw new Error(`a schema has ${values.length} alternatives, more than ${MOST}`)
  return values
}

const listsOf = (values: unknown[]): unknown[] => bounded(values.length > 1 ? [...values.map(one => [one]), values] : [values])

const objectsOf = (properties: Record<string, Schema>, free: Free): unknown[] => {
  const filled = Object.entries(properties).map(([name, one]) => [name, filledOf(one, free)] as const)
  const most = Math.max(1, ...filled.map(([, values]) => values.length))
  return Array.from({ length: most }, (_, n) => Object.fromEntries(filled.map(([name, values]) => [name, values[n % values.length]])))
}

/** 1, which most routes accept, and the free one. */
const numbersOf = ({ maximum = Number.POSITIVE_INFINITY }: Schema, { number }: Free): unknown[] =>
  Number(number) <= maximum ? [1, Number(number)] : [1]

/** The formats that keep a free text out of a field: these are sent in a form that passes. */
const textOf = ({ pattern, maxLength = Number.POSITIVE_INFINITY }: Schema, { text }: Free): string => {
  const forms = [text, `${text}@example.org`, '2026-01-01T00:00:00Z', 'en']
  const fits = forms.find(form => form.length <= maxLength && (pattern === undefined || new RegExp(pattern).test(form)))
  if (fits === undefined) throw new Error(`nothing fits ${pattern} in ${maxLength} characters: add a form that does`)
  return fits
}
