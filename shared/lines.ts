import { isUtf8 } from 'node:buffer'

/** Bytes as they come from a request or a file. */
export type Chunks = AsyncIterable<Buffer>

/** The largest line that is taken, its end included: what a request may hold. */
export const LARGEST = 32 * 1024 * 1024

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const opens = (byte: number) => byte === 0x7b || byte === 0x5b
const closes = (byte: number) => byte === 0x7d || byte === 0x5d

/** Whole lines of at most about `size` bytes together; `first` is the number of the first, counted from 1. */
export type Lines = { bytes: Buffer; first: number; count: number }

/** What stands for a line that is larger: all of it up to its key, and then this, which no text can hold. */
const TOO_LARGE = Buffer.from('\0 larger than 32 MB')
const KEY_BYTES = 64 * 1024
const standIn = (line: Buffer): Buffer => {
  const start = START.exec(line.toString('latin1', 0, KEY_BYTES))?.[0] ?? ''
  return Buffer.concat([Buffer.from(start, 'latin1'), TOO_LARGE])
}
/** A batch that is too large is one line. */
const taken = (bytes: Buffer): Buffer => (bytes.length > LARGEST ? Buffer.concat([standIn(bytes), Buffer.from('\n')]) : bytes)

/**
 * Cuts NDJSON into batches of whole lines, in bounded memory. A line that is larger than `size` stands alone, and one that is larger than
 * what is taken is left out but for its key: withoutUnreadable tells of it.
 */
export async function* batchesOf(chunks: Chunks, size: number, most = Number.POSITIVE_INFINITY): AsyncGenerator<Lines> {
  let pending: Buffer[] = []
  let [held, enough, first, leaving] = [0, size, 1, false]
  for await (const chunk of chunks) {
    const from = leaving ? chunk.indexOf(10) : 0
    if (from === -1) continue
    leaving = false
    pending.push(chunk.subarray(from))
    held += chunk.length - from
    if (held < enough) continue
    let rest: Buffer = Buffer.concat(pending)
    for (let cut = cutLines(rest, size, most); rest.length >= size && cut.end > 0; cut = cutLines(rest, size, most)) {
      yield { bytes: taken(rest.subarray(0, cut.end)), first, count: cut.count }
      first += cut.count
      rest = rest.subarray(cut.end)
    }
    leaving = rest.length >= LARGEST // its end is not there yet
    if (leaving) rest = standIn(rest)
    pending = [rest]
    held = rest.length
    enough = Math.max(size, Math.min(2 * held, LARGEST)) // a long line is not put together anew for each of its chunks
  }
  let rest = Buffer.concat(pending)
  if (rest.length > 0 && rest.at(-1) !== 10) rest = Buffer.concat([rest, Buffer.from('\n')])
  while (rest.length > 0) {
    const { end, count } = cutLines(rest, size, most)
    yield { bytes: taken(rest.subarray(0, end)), first, count }
    first += count
    rest = rest.subarray(end)
  }
}

/** How many whole lines stand at the start of `bytes` in `size` bytes (one, if that is larger), and where they end. */
const cutLines = (bytes: Buffer, size: number, most: number): { end: number; count: number } => {
  let [end, count] = [0, 0]
  for (let at = bytes.indexOf(10); at !== -1 && count < most && (at < size || count === 0); at = bytes.indexOf(10, end)) {
    end = at + 1
    count++
  }
  return { end, count }
}

/** A line that Postgres cannot even be sent: its number, its key as far as it can be told, and why. */
export type Unreadable = { n: number; key: string | null; reason: string }

/** Deeper than any entry is; the embedded engine does not survive parsing 20,000 levels. */
const MAX_DEPTH = 1000

/** Blanks the lines that Postgres must not be sent: no UTF-8 text, too large, or nested too deep. Tells which they are. */
export const withoutUnreadable = (bytes: Buffer): { bytes: Buffer; unreadable: Unreadable[] } => {
  if (whyUnreadable(bytes) === undefined) return { bytes, unreadable: [] }
  const unreadable: Unreadable[] = []
  const lines = splitLines(bytes).map((line, i) => {
    const reason = whyUnreadable(line)
    if (reason === undefined) return line
    unreadable.push({ n: i + 1, key: keyOfLine(line), reason })
    return Buffer.alloc(0)
  })
  return { bytes: Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])), unreadable }
}

const whyUnreadable = (bytes: Buffer): string | undefined => {
  if (bytes.subarray(-TOO_LARGE.length).equals(TOO_LARGE)) return 'it is larger than 32 MB'
  if (!isUtf8(bytes) || bytes.includes(0)) return 'the line is not UTF-8 text'
  return depthOf(bytes) > MAX_DEPTH ? `it is nested more than ${MAX_DEPTH} levels deep` : undefined
}

/** The deepest nesting in some lines. */
const depthOf = (bytes: Buffer): number => {
  let [depth, deepest, inText] = [0, 0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (inText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE || byte === 0x0a) inText = false
    } else if (byte === QUOTE) inText = true
    else if (opens(byte)) deepest = Math.max(deepest, ++depth)
    else if (closes(byte)) depth--
    if (byte === 0x0a) depth = 0
  }
  return deepest
}

/** The lines of a batch, without their ends. */
export const splitLines = (bytes: Buffer): Buffer[] => {
  const lines: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(10, from)
    const end = at === -1 ? bytes.length : at
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return lines
}

/** A line up to its key's end. */
const START = /^\s*\{\s*"key"\s*:\s*("(?:[^"\\]|\\.)*")/

/** The key of a line that may be anything: as text where it is one, else its literal. */
export const keyOfLine = (line: Buffer): string | null => {
  const literal = START.exec(line.toString())?.[1]
  if (literal === undefined) return null
  try {
    return JSON.parse(literal)
  } catch {
    return literal
  }
}
