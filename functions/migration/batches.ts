import { batchesOf, type Chunks, type Lines, splitLines } from '../../shared/lines.ts'

/** What one statement is given: small enough for a second of a small server, large enough that its round trip does not count. */
const BATCH_BYTES = 1024 * 1024
const BATCH_LINES = 4000

/** Batches at work at once: more would take connections from the requests that are served meanwhile. */
const AT_ONCE = 2

/**
 * Does `work` for every batch of lines, two at once, but never two that may hold the same key: of a key's lines the last one
 * counts, so their order must hold. Throws what the first failing batch threw, when the others have ended.
 */
export const eachBatch = async (lines: Chunks, work: (batch: Lines) => Promise<void>): Promise<void> => {
  const atWork: { keys: Set<string> | undefined; done: Promise<void> }[] = []
  try {
    for await (const batch of batchesOf(lines, BATCH_BYTES, BATCH_LINES)) {
      const keys = keysOf(batch.bytes)
      while (atWork.length >= AT_ONCE || atWork.some(other => mayMeet(other.keys, keys))) await atWork.shift()?.done
      const done = work(batch)
      done.catch(() => {}) // it is awaited later, and thrown then
      atWork.push({ keys, done })
    }
    while (atWork.length > 0) await atWork.shift()?.done
  } finally {
    await Promise.allSettled(atWork.map(({ done }) => done))
  }
}

const START = '{"key":"'

/** The literals of a batch's keys; undefined when they cannot be told by a look: one text can be written in several ways. */
const keysOf = (bytes: Buffer): Set<string> | undefined => {
  const keys = new Set<string>()
  for (const line of splitLines(bytes)) {
    if (line.length === 0) continue
    const key = line.toString('latin1', START.length, line.indexOf('"', START.length))
    if (line.toString('latin1', 0, START.length) !== START || key.includes('\\')) return undefined
    keys.add(key)
  }
  return keys
}

const mayMeet = (a: Set<string> | undefined, b: Set<string> | undefined): boolean =>
  a === undefined || b === undefined || [...b].some(key => a.has(key))
