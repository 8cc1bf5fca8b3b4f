import type { Cache } from '../cache/cache.ts'
import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { unavailable } from './ask.ts'
import type { Embedder, Embeddings, Kind } from './embeddings.ts'
import type { KeptVectors } from './kept.postgres.ts'
import { type EmbeddingKey, hashOf, idOfKey } from './key.ts'

/** Texts whose vectors are kept before the next are asked for: what an interrupted work has done is not done again. */
const STEP = 32

/** How long (ms) `embedSome` has: a request waits for it. */
const PATIENCE = 30_000

type Vectors = Map<string, Float32Array>
/** Whether nobody waits any more. */
type Signal = { late: boolean }

/** What is asked again soon, in front of what is kept. */
export type CachedOptions = { cache: Cache<Float32Array>; log: Log; patience?: number }

/** An embedder in front of which vectors are kept: of documents in Postgres, of questions in the cache alone, for reads write nothing. */
export const cachedEmbeddings = (embedder: Embedder, kept: KeptVectors, options: CachedOptions): Embeddings => {
  const { cache, log, patience = PATIENCE } = options
  const { provider, model, dimensions } = embedder
  const keyOf = (text: string): EmbeddingKey => ({ provider, model, dimensions, hash: hashOf(text) })
  const nameOf = ({ organization_id }: Scope, kind: Kind, text: string) => `${organization_id}/${kind}/${idOfKey(keyOf(text))}`

  /** Finds the vectors of some texts: at most one request to the cache and one query. Answers the texts that have none, in steps. */
  const look = async (scope: Scope, texts: readonly string[], found: Vectors): Promise<string[][]> => {
    const take = (wanted: readonly string[], vectors: readonly (Float32Array | undefined)[]): string[] => {
      for (const [i, text] of wanted.entries()) if (vectors[i]) found.set(text, vectors[i])
      return wanted.filter(text => !found.has(text))
    }
    const cold = take(texts, await cache.many(texts.map(text => nameOf(scope, 'document', text))))
    const rest = cold.length === 0 ? [] : take(cold, await kept.get(scope, cold.map(keyOf)))
    return Array.from({ length: Math.ceil(rest.length / STEP) }, (_, i) => rest.slice(i * STEP, (i + 1) * STEP))
  }
  const make = async (scope: Scope, texts: readonly string[], found: Vectors): Promise<void> => {
    const vectors = await embedder.embed(texts, 'document')
    await kept.put(
      scope,
      texts.map((text, i) => ({ ...keyOf(text), vector: vectors[i] as Float32Array })),
    )
    for (const [i, text] of texts.entries()) found.set(text, vectors[i] as Float32Array)
    await cache.keep(texts.map((text, i) => [nameOf(scope, 'document', text), vectors[i] as Float32Array]))
  }
  /** As `make`; a text that is refused keeps no other from its vector. */
  const makeSome = async (scope: Scope, texts: readonly string[], found: Vectors): Promise<void> => {
    try {
      await make(scope, texts, found)
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'invalid_request')) throw error
      if (texts.length === 1) return log('warning', 'a text was refused by its model', { provider, model, error })
      const half = Math.ceil(texts.length / 2)
      await makeSome(scope, texts.slice(0, half), found)
      await makeSome(scope, texts.slice(half), found)
    }
  }
  const fill = async (scope: Scope, texts: readonly string[], found: Vectors, signal: Signal): Promise<void> => {
    const distinct = [...new Set(texts)].filter(text => text.trim() !== '')
    if (distinct.length === 0) return
    for (const step of await look(scope, distinct, found)) {
      if (signal.late) return
      await makeSome(scope, step, found)
      if (step.length > 1 && !step.some(text => found.has(text))) throw unavailable(`${provider} refuses whatever it is asked`)
    }
  }

  /** The query in front of it is who lets the asker through. */
  const question = async (scope: Scope, text: string): Promise<{ version: string; value: Float32Array }> => {
    const [known] = await kept.get(alone(scope), [keyOf(text)])
    const [value] = known && !embedder.tellsKinds ? [known] : await embedder.embed([text], 'query')
    return { version: '0', value: value as Float32Array }
  }

  return {
    provider,
    model,
    dimensions,
    embed: async (scope, texts, kind) => {
      if (kind === 'query') return Promise.all(texts.map(text => cache.get(nameOf(scope, kind, text), '0', () => question(scope, text))))
      const [own, distinct] = [alone(scope), [...new Set(texts)]]
      const found: Vectors = new Map()
      for (const step of await look(own, distinct, found)) await make(own, step, found)
      return texts.map(text => found.get(text) as Float32Array)
    },
    embedEach: async (scope, texts) => {
      const found: Vectors = new Map()
      await fill(alone(scope), texts, found, { late: false })
      return texts.map(text => found.get(text))
    },
    embedSome: async (scope, texts) => {
      const found: Vectors = new Map()
      const work = (signal: Signal) => fill(alone(scope), texts, found, signal)
      await within(patience, work).catch(error => log('warning', 'texts have no vectors yet', { provider, model, error }))
      return texts.map(text => found.get(text))
    },
  }
}

/** The provider is never asked inside a transaction: what is kept is read and written beside the one that is about to begin. */
const alone = (scope: Scope): Scope => ({ ...scope, unit: undefined })

/** Waits for some work no longer than it may take; the work hears that it is late. */
const within = async (milliseconds: number, work: (signal: Signal) => Promise<void>): Promise<void> => {
  const signal = { late: false }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      signal.late = true
      reject(new Error(`vectors took longer than ${milliseconds} ms`))
    }, milliseconds)
  })
  try {
    await Promise.race([work(signal), late])
  } finally {
    clearTimeout(timer)
  }
}
