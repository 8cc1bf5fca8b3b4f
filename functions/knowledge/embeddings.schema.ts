import { z } from 'zod'
import { LosslessNumber, numberOf } from '../../shared/json.ts'
import { Id } from '../../shared/shapes.ts'

const MOST = 1000
const MOST_NUMBERS = 4096
/** The largest number of 32 bits. */
const LARGEST = 3.4028235e38

const isNumber = (value: unknown): value is number | LosslessNumber =>
  (typeof value === 'number' || value instanceof LosslessNumber) && Math.abs(numberOf(value)) <= LARGEST

/** Numbers with every digit they were sent with. Looked at in one go: a request holds a million of them. */
const Vector = z
  .custom<(number | LosslessNumber)[]>(
    value => Array.isArray(value) && value.length > 0 && value.length <= MOST_NUMBERS && value.every(isNumber),
    `must be a list of 1 to ${MOST_NUMBERS} numbers of 32 bits`,
  )
  .meta({ type: 'array', items: { type: 'number' }, minItems: 1, maxItems: MOST_NUMBERS })

const Text = z.string().min(1)

/** What a model made of a text; `hash` is the SHA-256 of the text, or what its caller names the text by. */
export const Embedding = z.object({ model: z.string(), hash: z.string(), dimensions: z.number().int(), embedding: Vector })
export type Embedding = z.infer<typeof Embedding>

/** By its text or by the hash of it; of what is sent twice the last counts. */
export const EmbeddingsPut = z.strictObject({
  model: Id,
  items: z
    .array(z.union([z.strictObject({ text: Text, embedding: Vector }), z.strictObject({ hash: Id, embedding: Vector })]))
    .min(1)
    .max(MOST),
})

export const EmbeddingsStored = z.object({ stored: z.number().int() })

export const EmbeddingsLookup = z.union([
  z.strictObject({ model: Id, texts: z.array(Text).min(1).max(MOST) }),
  z.strictObject({ model: Id, hashes: z.array(Id).min(1).max(MOST) }),
])

/** In the order of what was asked for, null where nothing is known. */
export const EmbeddingsFound = z.object({ items: z.array(Embedding.nullable()) })
