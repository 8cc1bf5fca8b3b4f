import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Embedder, Embeddings } from './embeddings.ts'
import type { KeptVectors } from './kept.postgres.ts'
import { type EmbeddingKey, hashOf } from './key.ts'

/** Texts whose vectors are kept before the next are asked for: what an interrupted work has done is not done again. */
const STEP = 128

/** How long (ms) `embedSome` has: a request waits for it. */
const PATIENCE = 30_000

type Vectors = Map<string, Float32Array>

/** An embedder in front of which vectors are kept. Those of questions are not: few are asked twice, and reads write nothing. */
export const cachedEmbeddings = (embedder: Embedder, kept: KeptVectors, log: Log, patience = PATIENCE): Embeddings => {
  const { provider, model, dimensions } = embedder
  const keyOf = (text: string): EmbeddingKey => ({ provider, model, dimensions, hash: hashOf(text) })

  /** What is kept of some texts: one query. */
  const look = async (scope: Scope, texts: readonly string[]): Promise<Vectors> => {
    const vectors = await kept.get(scope, texts.map(keyOf))
    return new Map(texts.flatMap((text, i) => (vectors[i] ? [[text, vectors[i]]] : [])))
  }
  const make = async (scope: Scope, texts: readonly string[], found: Vectors): Promise<void> => {
    const vectors = await embedder.embed(texts, 'document')
    await kept.put(
      scope,
      texts.map((text, i) => ({ ...keyOf(text), vector: vectors[i] as Float32Array })),
    )
    for (const [i, text] of texts.entries()) found.set(text, vectors[i] as Float32Array)
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
  const lacking = (texts: readonly string[], found: Vectors): string[][] => {
    const rest = texts.filter(text => !found.has(text))
    return Array.from({ length: Math.ceil(rest.length / STEP) }, (_, i) => rest.slice(i * STEP, (i + 1) * STEP))
  }

  return {
    provider,
    model,
    dimensions,
    embed: async (scope, texts, kind) => {
      if (kind === 'query') return embedder.embed(texts, kind)
      const [own, distinct] = [alone(scope), [...new Set(texts)]]
      const found = await look(own, distinct)
      for (const step of lacking(distinct, found)) await make(own, step, found)
      return texts.map(text => found.get(text) as Float32Array)
    },
    embedSome: async (scope, texts) => {
      const own = alone(scope)
      const distinct = [...new Set(texts)].filter(text => text.trim() !== '')
      if (distinct.length === 0) return texts.map(() => undefined)
      const found = await look(own, distinct)
      const work = async (signal: { late: boolean }) => {
        for (const step of lacking(distinct, found)) if (!signal.late) await makeSome(own, step, found)
      }
      await within(patience, work).catch(error => log('warning', 'texts have no vectors yet', { provider, model, error }))
      return texts.map(text => found.get(text))
    },
  }
}

/** The provider is never asked inside a transaction: what is kept is read and written beside the one that is about to begin. */
const alone = (scope: Scope): Scope => ({ ...scope, unit: undefined })

/** Waits for some work no longer than it may take; the work hears that it is late. */
const within = async (milliseconds: number, work: (signal: { late: boolean }) => Promise<void>): Promise<void> => {
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
