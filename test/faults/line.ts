import { type Answer, type Asked, ask } from '../support/ask.ts'

/** What callers meet: every request is timed, and what is wrong is written down. */
export type Line = {
  /** Undefined when no whole answer came. */
  ask(asked: Asked): Promise<Answer | undefined>
  acknowledge(done: () => void): void
  wrong(what: string): void
  /** When each write was acknowledged (ms, performance.now). */
  acknowledged: number[]
  /** Milliseconds that the longest request took, and what it was. */
  longest: { ms: number; what: string }
  /** Answers that asked for patience; writes whose outcome was unknown for a while; those of them that were found to have been made. */
  refused: number
  unknown: number
  settled: number
  faults: string[]
  /** Callers begin nothing more when it is over, and settle what they began; they leave even that once it is given up. */
  calling: 'on' | 'over' | 'given up'
  /** Writes that were left so. */
  left: number
}

/** Nothing may take so long (ms): a request without an answer ends then, and is seen in `longest`. */
const PATIENCE_MS = 30_000

export const makeLine = (url: () => string, token: string): Line => {
  const line: Line = {
    ask: async asked => {
      const begun = performance.now()
      const answer = await ask(url(), token, asked, PATIENCE_MS)
      const ms = performance.now() - begun
      if (ms > line.longest.ms)
        line.longest = { ms, what: `${asked.method} ${asked.path}: ${answer?.status} ${answer?.body?.detail ?? ''}` }
      return answer
    },
    acknowledge: done => {
      done()
      line.acknowledged.push(performance.now())
    },
    wrong: what => void line.faults.push(what),
    acknowledged: [],
    longest: { ms: 0, what: '' },
    ...{ refused: 0, unknown: 0, settled: 0, left: 0 },
    faults: [],
    calling: 'on',
  }
  return line
}
