import { z } from 'zod'
import { WIDTH } from '../embeddings/vector.ts'
import { modes, WEIGHTS } from './search.ts'

/** A question's own vector; shorter ones than 1536 are padded. */
export const QuestionVector = z
  .array(z.number())
  .min(1)
  .max(WIDTH)
  .refine(numbers => numbers.some(number => number !== 0), 'must not be all zeros')

/** What every search takes. Either `query` or `embedding` is needed, for a mode that uses it. */
export const SearchBody = z.strictObject({
  query: z.string().min(1).max(10_000).optional(),
  embedding: QuestionVector.optional(),
  mode: z.enum(modes).default('hybrid'),
  limit: z.number().int().min(1).max(100).default(10),
  min_score: z.number().min(0).max(1).optional(),
  diversity: z.number().min(0).max(1).default(0),
  weights: z
    .strictObject({ text: z.number().min(0).max(1), vector: z.number().min(0).max(1) })
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
