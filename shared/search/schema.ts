import { z } from 'zod'
import { AskedVector } from '../embeddings/shape.ts'
import { LosslessNumber } from '../json.ts'
import { modes, WEIGHTS } from './search.ts'

/** A share between 0 and 1, however many digits it comes with. */
const Share = z.preprocess(value => (value instanceof LosslessNumber ? Number(String(value)) : value), z.number().min(0).max(1))

/** What every search takes. Either `query` or `embedding` is needed, for a mode that uses it. */
export const SearchBody = z.strictObject({
  query: z.string().min(1).max(10_000).optional(),
  embedding: AskedVector.optional(),
  mode: z.enum(modes).default('hybrid'),
  limit: z.number().int().min(1).max(100).default(10),
  min_score: Share.optional(),
  diversity: Share.default(0),
  weights: z
    .strictObject({ text: Share, vector: Share })
    .refine(({ text, vector }) => text + vector > 0, 'must not both be 0')
    .default(WEIGHTS),
})
export type SearchBody = z.infer<typeof SearchBody>

const Score = z.number().nullable()

export const SearchHit = z.object({
  id: z.string(),
  chunk: z.number().int().optional(),
  title: z.string(),
  content: z.string(),
  highlight: z.string().nullable(),
  score: z.number(),
  scores: z.object({ text: Score, vector: Score }),
})
