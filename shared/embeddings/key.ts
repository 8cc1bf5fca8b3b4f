import { createHash } from 'node:crypto'

/** What a vector is of, and what made it: two vectors with one key are the same. */
export type EmbeddingKey = {
  /** `caller` for vectors that callers bring, `legacy` for those of the old dictionary. */
  provider: string
  model: string
  dimensions: number
  /** SHA-256 of the text (UTF-8), hexadecimal; or whatever a caller names a text by. */
  hash: string
}

/** The version of what is done to a text before it is embedded: it is taken as it is, up to LONGEST characters. */
export const NORMALISER = 1

/** The characters of a text that are embedded: models read no more than some 2,000 to 8,000 tokens. */
const LONGEST = 8000

/** SHA-256 of a text, hexadecimal. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What a caller names a text by may hold the sign that parts a key, and the sign that stands in for it. */
const part = (hash: string): string => hash.replace(/[%/]/g, sign => (sign === '%' ? '%25' : '%2F'))

/**
 * A key as one text: the id of its row, of up to 820 characters. No two keys have one: of the parts the last alone, the model, may hold a
 * slash. The old dictionary's keys were the hashes alone.
 */
export const idOfKey = ({ provider, model, dimensions, hash }: EmbeddingKey): string =>
  provider === 'legacy' ? hash : [provider, dimensions, NORMALISER, part(hash), model].join('/')

/** What is embedded of a text. */
export const clip = (text: string): string => (text.length <= LONGEST ? text : text.slice(0, LONGEST).toWellFormed())
