import { hashOf, idOfKey } from '../../shared/embeddings/key.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { EmbeddingsFound, EmbeddingsLookup, EmbeddingsPut, EmbeddingsStored } from './embeddings.schema.ts'
import type { EmbeddingStore, NewEmbedding } from './embeddings.store.ts'

const route = routesOf<{ embeddings: EmbeddingStore }>()

/** The room that a thousand vectors of 1536 numbers take when every digit of a double is sent. */
const VECTORS = 3 * MANY

export const embeddingRoutes = [
  route({
    method: 'put',
    path: '/embeddings',
    summary: 'Keep vectors of texts, up to 1,000, under the model that made them',
    role: 'member',
    body: EmbeddingsPut,
    returns: EmbeddingsStored,
    bodyLimit: VECTORS,
    handle: async ({ body: { model, items }, scope, now }, { embeddings }) => {
      const vectors = items.map(({ embedding, ...item }): NewEmbedding => {
        const hash = 'text' in item ? hashOf(item.text) : item.hash
        return { id: idOfKey({ provider: 'caller', model, dimensions: embedding.length, hash }), model, hash, embedding }
      })
      const last = [...new Map(vectors.map(vector => [vector.hash, vector])).values()]
      await embeddings.put(scope, last, now)
      return { stored: last.length }
    },
  }),
  route({
    method: 'post',
    path: '/embeddings/lookup',
    summary: 'Look up vectors of up to 1,000 texts: in their order, null where nothing is known',
    role: 'viewer',
    reads: true,
    body: EmbeddingsLookup,
    returns: EmbeddingsFound,
    bodyLimit: MANY,
    handle: async ({ body, scope }, { embeddings }) => {
      const hashes = 'texts' in body ? body.texts.map(hashOf) : body.hashes
      const found = await embeddings.lookup(scope, body.model, hashes)
      return { reply: { body: `{"items":[${found.map(row => row?.json ?? 'null').join()}]}` } }
    },
  }),
]
