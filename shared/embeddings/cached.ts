import { makeBreaker } from '../cache/breaker.ts'
import type { Cache } from '../cache/cache.ts'
import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { unavailable } from './ask.ts'
import type { Embedder, Embeddings, Kind } from './embeddings.ts'
import type { KeptVectors } from './kept.postgres.ts'
import { type EmbeddingKey, hashOf, idOfKey } from './key.ts'
import { type Signal, within } from './within.ts'

/** Texts whose vectors are kept before the next are asked for: what an interrupted work has done is not done again. */
const STEP = 32

/** How long (ms) a request waits for the vectors of its documents, for one step of them, and for that of its question. */
const waits = { documents: 30_000, step: 20_000, question: 5000 }

/** What some texts are embedded for: in whose name, whether the cache is in front of it, and what has been found, by text. */
type Work = { scope: Scope; front: boolean; found: Map<string, Float32Array> }

/** What is asked again soon, in front of what is kept. */
export type CachedOptions = { cache: Cache<Float32Array>; log: Log; waits?: typeof waits; now?: () => number }

/** An embedder in front of which vectors are kept: of documents in Postgres, of questions in the cache alone. */
export const cachedEmbeddings = (embedder: Embedder, kept: KeptVectors, options: CachedOptions): Embeddings => {
  const { cache, log, now = () => performance.now() } = options
  const wait = options.waits ?? waits
  // searches and writes would all wait for a provider that is away
  const breaker = makeBreaker(now)
  const { provider, model, dimensions } = embedder
  const keyOf = (text: string): EmbeddingKey => ({ provider, model, dimensions, hash: hashOf(text) })
  const nameOf = ({ organization_id }: Scope, kind: Kind, text: string) => `${organization_id}/${kind}/${idOfKey(keyOf(text))}`

  /** Finds the vectors of some texts: at most one request to the cache and one query. Answers the texts that have none, in steps. */
  const look = async ({ scope, front, found }: Work, texts: readonly string[]): Promise<string[][]> => {
    const take = (wanted: readonly string[], vectors: readonly (Float32Array | undefined)[]): string[] => {
      for (const [i, text] of wanted.entries()) if (vectors[i]) found.set(text, vectors[i])
      return wanted.filter(text => !found.has(text))
    }
    const cold = front ? take(texts, await cache.many(texts.map(text => nameOf(scope, 'document', text)))) : texts
    const rest = cold.length === 0 ? [] : take(cold, await kept.get(scope, cold.map(keyOf)))
    return Array.from({ length: Math.ceil(rest.length / STEP) }, (_, i) => rest.slice(i * STEP, (i + 1) * STEP))
  }
  /** Asks the provider for somebody who waits, unless it has just failed others. */
  const spared = async (texts: readonly string[], kind: Kind, milliseconds: number): Promise<Float32Array[]> => {
    if (!breaker.allows()) throw unavailable(`${provider} is not asked for a while`)
    try {
      const vectors = await within(milliseconds, () => embedder.embed(texts, kind))
      breaker.succeeded()
      return vectors
    } catch (error) {
      if (error instanceof Refusal && error.code === 'invalid_request') breaker.succeeded()
      else breaker.failed()
      throw error
    }
  }
  const make = async ({ scope, front, found }: Work, texts: readonly string[]): Promise<void> => {
    scope.rest?.()
    const vectors = front ? await spared(texts, 'document', wait.step) : await embedder.embed(texts, 'document')
    await kept.put(
      scope,
      texts.map((text, i) => ({ ...keyOf(text), vector: vectors[i] as Float32Array })),
    )
    for (const [i, text] of texts.entries()) found.set(text, vectors[i] as Float32Array)
    if (front) await cache.keep(texts.map((text, i) => [nameOf(scope, 'document', text), vectors[i] as Float32Array]))
  }
  /** As `make`; a text that is refused keeps no other from its vector. */
  const makeSome = async (work: Work, texts: readonly string[]): Promise<void> => {
    try {
      await make(work, texts)
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'invalid_request')) throw error
      if (texts.length === 1) return log('warning', 'a text was refused by its model', { provider, model, error })
      const half = Math.ceil(texts.length / 2)
      await makeSome(work, texts.slice(0, half))
      await makeSome(work, texts.slice(half))
    }
  }
  const fill = async (work: Work, texts: readonly string[], signal: Signal = { late: false }): Promise<void> => {
    const distinct = [...new Set(texts)].filter(text => text.trim() !== '')
    if (distinct.length === 0) return
    for (const step of await look(work, distinct)) {
      if (signal.late) return
      await makeSome(work, step)
      if (step.length > 1 && !step.some(text => work.found.has(text))) throw unavailable(`${provider} refuses whatever it is asked`)
    }
  }

  /** The query in front of it is who lets the asker through. */
  const question = async (scope: Scope, text: string): Promise<{ version: string; value: Float32Array }> => {
    const [known] = await kept.get(alone(scope), [keyOf(text)])
    if (known && !embedder.tellsKinds) return { version: '0', value: known }
    const [vector] = await spared([text], 'query', wait.question)
    return { version: '0', value: vector as Float32Array }
  }

  return {
    provider,
    model,
    dimensions,
    embed: (scope, texts, kind) => Promise.all(texts.map(text => cache.get(nameOf(scope, kind, text), '0', () => question(scope, text)))),
    embedEach: async (scope, texts) => {
      const work: Work = { scope: alone(scope), front: false, found: new Map() }
      await fill(work, texts)
      return texts.map(text => work.found.get(text))
    },
    embedSome: async (scope, texts) => {
      const work: Work = { scope: alone(scope), front: true, found: new Map() }
      await within(wait.documents, signal => fill(work, texts, signal)).catch(error =>
        log('warning', 'texts have no vectors yet', { provider, model, error }),
      )
      return texts.map(text => work.found.get(text))
    },
  }
}

/** The provider is never asked inside a transaction: what is kept is read and written beside the one that is about to begin. */
const alone = (scope: Scope): Scope => ({ ...scope, unit: undefined })
