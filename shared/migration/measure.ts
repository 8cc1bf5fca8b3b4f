import { EpochMoved, Refusal } from '../errors.ts'
import { canonicalText, parseJson } from '../json.ts'
import type { Stage } from './stage.ts'

/** What a collection's mirror has seen since its stage began in this process. `errors` are failures, not refusals. Latencies are milliseconds. */
export type Measured = {
  compared: number
  agreed: number
  fallbacks: number
  errors: number
  memory: Latency
  postgres: Latency
}
export type Latency = { count: number; p50: number | null; p99: number | null }

export type Measure = {
  /** Times what `work` does; `work` is called at once, before anything is awaited. */
  time<T>(source: 'memory' | 'postgres', work: () => T | Promise<T>): Promise<T>
  compared(agreed: boolean): void
  fallback(): void
  read(): Measured
}

const KEPT = 2000

/** Whether an error tells of Postgres or of us: what a caller is to blame for, or a change of stage, is none. */
const isFailure = (error: unknown): boolean =>
  !(error instanceof Refusal) || (!(error instanceof EpochMoved) && (error.code === 'unavailable' || error.code === 'overloaded'))

/**
 * Counts and the newest latencies of one collection, begun anew with each `stage` that is heard of. `now` is milliseconds; `tell` hears of
 * what an operator should.
 */
export const makeMeasure = (now: () => number, tell: (what: string) => void, stage: () => Stage | undefined): Measure => {
  const fresh = (of: Stage | undefined) => ({
    stage: of,
    compared: 0,
    agreed: 0,
    fallbacks: 0,
    errors: 0,
    memory: [] as number[],
    postgres: [] as number[],
    counts: { memory: 0, postgres: 0 },
  })
  let all = fresh(undefined)
  const present = () => {
    const of = stage()
    if (of !== undefined && of !== all.stage) all = fresh(of)
    return all
  }
  const note = (source: 'memory' | 'postgres', milliseconds: number) => {
    const seen = present()
    seen[source][seen.counts[source]++ % KEPT] = milliseconds
  }
  const latency = (source: 'memory' | 'postgres'): Latency => {
    const seen = present()
    const sorted = [...seen[source]].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
    return { count: seen.counts[source], p50: at(0.5), p99: at(0.99) }
  }
  return {
    time: async (source, work) => {
      const start = now()
      try {
        return await work()
      } catch (error) {
        if (isFailure(error)) present().errors++
        throw error
      } finally {
        note(source, now() - start)
      }
    },
    compared: agreed => {
      const seen = present()
      seen.compared++
      if (agreed) seen.agreed++
      else tell('memory and PostgreSQL answered differently')
    },
    fallback: () => {
      present().fallbacks++
      tell('memory answered for PostgreSQL')
    },
    read: () => {
      const { compared, agreed, fallbacks, errors } = present()
      return { compared, agreed, fallbacks, errors, memory: latency('memory'), postgres: latency('postgres') }
    },
  }
}

/** Whether two answers of a store say the same: key order and the spelling of numbers and of places do not count. */
export const sameAnswer = (a: unknown, b: unknown): boolean => a === b || canonicalText(plainOf(a)) === canonicalText(plainOf(b))

/** An answer with its rows' texts parsed, and of where a page goes on only whether it does. */
const plainOf = (answer: unknown): unknown => {
  if (Array.isArray(answer)) return answer.map(plainOf)
  if (typeof answer === 'symbol') return String(answer)
  if (typeof answer !== 'object' || answer === null) return answer ?? null
  if ('json' in answer && 'version' in answer) return { version: answer.version, value: parseJson(String(answer.json)) }
  if ('items' in answer && 'next' in answer) return { items: plainOf(answer.items), more: answer.next !== undefined }
  return answer
}
