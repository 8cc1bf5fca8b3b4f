import type { Scope } from '../db/scope.ts'
import type { Embeddings } from '../embeddings/embeddings.ts'
import { CALLER, unit } from '../embeddings/vector.ts'
import { invalid, Refusal } from '../errors.ts'
import type { SearchBody } from './schema.ts'
import type { Asked, Question, Search } from './search.ts'

/** No cosine is less. */
const LEAST = -1

/** A vector that a caller brought is compared with those that callers brought. */
const brought = (embedding: readonly number[]): Question => ({
  vector: unit(embedding) as Float32Array,
  ...CALLER,
})

/** What a search finds, as its answer's body. `embeddings` makes the vector of a question that comes without one. */
export const answerOf = async (
  { search }: Search,
  embeddings: Embeddings | undefined,
  scope: Scope,
  { query, embedding, mode, min_score = LEAST, ...more }: SearchBody,
  where: Pick<Asked, 'collections' | 'narrow'>,
): Promise<{ reply: { body: string } }> => {
  if (query === undefined && (mode === 'text' || embedding === undefined)) throw invalid('query', 'is needed')
  const question = mode === 'text' ? undefined : embedding ? brought(embedding) : await questionOf(embeddings, scope, query as string, mode)
  const asked: Asked = { ...more, ...where, min_score, mode, query: mode === 'vector' ? undefined : query, question }
  return { reply: { body: `{"items":[${(await search(scope, asked)).join()}]}` } }
}

/** The model's vector of a question. Without it a hybrid search goes by words; one by vectors alone is unavailable. */
const questionOf = async (embeddings: Embeddings | undefined, scope: Scope, query: string, mode: string): Promise<Question | undefined> => {
  if (embeddings === undefined) {
    if (mode === 'vector') throw invalid('embedding', 'is needed: no provider of embeddings is configured')
    return undefined
  }
  try {
    const { provider, model, dimensions } = embeddings
    const [vector] = await embeddings.embed(scope, [query], 'query')
    return { vector: vector as Float32Array, provider, model, dimensions }
  } catch (error) {
    const passes = error instanceof Refusal && (error.code === 'unavailable' || error.code === 'overloaded')
    if (!passes || mode === 'vector') throw error
    return undefined
  }
}
