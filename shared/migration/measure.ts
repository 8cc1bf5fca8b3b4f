import { canonicalText, parseJson } from '../json.ts'

/** What a collection's mirror has seen since its stage began in this process. Latencies are milliseconds. */
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
  reset(): void
}

const KEPT = 2000

/** Counts and the newest latencies of one collection. `now` is milliseconds; `tell` hears of what an operator should. */
export const makeMeasure = (now: () => number, tell: (what: string) => void): Measure => {
  const fresh = () => ({
    compared: 0,
    agreed: 0,
    fallbacks: 0,
    errors: 0,
    memory: [] as number[],
    postgres: [] as number[],
    counts: { memory: 0, postgres: 0 },
  })
  let seen = fresh()
  const note = (source: 'memory' | 'postgres', milliseconds: number) => {
    seen[source][seen.counts[source]++ % KEPT] = milliseconds
  }
  const latency = (source: 'memory' | 'postgres'): Latency => {
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
        seen.errors++
        throw error
      } finally {
        note(source, now() - start)
      }
    },
    compared: agreed => {
      seen.compared++
      if (agreed) seen.agreed++
      else tell('memory and PostgreSQL answered differently')
    },
    fallback: () => {
      seen.fallbacks++
      tell('memory answered for PostgreSQL')
    },
    read: () => {
      const { compared, agreed, fallbacks, errors } = seen
      return { compared, agreed, fallbacks, errors, memory: latency('memory'), postgres: latency('postgres') }
    },
    reset: () => {
      seen = fresh()
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
