import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { unavailable } from './ask.ts'
import type { Embedder, Embeddings } from './embeddings.ts'
import type { KeptVectors } from './kept.postgres.ts'
import { type EmbeddingKey, hashOf } from './key.ts'

/** Texts whose vectors are kept before the next are asked for: what an interrupted work has done is not done again. */
const STEP = 32

/** How long (ms) `embedSome` has: a request waits for it. */
const PATIENCE = 30_000

type Vectors = Map<string, Float32Array>
/** Whether nobody waits any more. */
type Signal = { late: boolean }

/** An embedder in front of which vectors are kept. Those of questions are not: few are asked twice, and reads write nothing. */
export const cachedEmbeddings = (embedder: Embedder, kept: KeptVectors, log: Log, patience = PATIENCE): Embeddings => {
  const { provider, model, dimensions } = embedder
  const keyOf = (text: string): EmbeddingKey => ({ provider, model, dimensions, hash: hashOf(text) })

  /** Finds what is kept of some texts: one query. Answers those that are not, in steps. */
  const look = async (scope: Scope, texts: readonly string[], found: Vectors): Promise<string[][]> => {
    const vectors = await kept.get(scope, texts.map(keyOf))
    for (const [i, text] of texts.entries()) if (vectors[i]) found.set(text, vectors[i])
    const rest = texts.filter(text => !found.has(text))
    return Array.from({ length: Math.ceil(rest.length / STEP) }, (_, i) => rest.slice(i * STEP, (i + 1) * STEP))
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
  const fill = async (scope: Scope, texts: readonly string[], found: Vectors, signal: Signal): Promise<void> => {
    const distinct = [...new Set(texts)].filter(text => text.trim() !== '')
    if (distinct.length === 0) return
    for (const step of await look(scope, distinct, found)) {
      if (signal.late) return
      await makeSome(scope, step, found)
      if (step.length > 1 && !step.some(text => found.has(text))) throw unavailable(`${provider} refuses whatever it is asked`)
    }
  }

  return {
    provider,
    model,
    dimensions,
    embed: async (scope, texts, kind) => {
      if (kind === 'query') return embedder.embed(texts, kind)
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
