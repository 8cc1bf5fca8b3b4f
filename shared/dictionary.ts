import { Refusal } from './errors.ts'
import { type Chunks, LARGEST } from './lines.ts'

/** What the dictionary's values are, when they hold the entries: a list of them, or a dictionary of its own. */
export type Nesting = 'map' | 'list' | undefined

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_MAP, CLOSE_MAP, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]
const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const opens = (byte: number) => byte === OPEN_MAP || byte === OPEN_LIST
const closes = (byte: number) => byte === CLOSE_MAP || byte === CLOSE_LIST
const broken = (why: string) => new Refusal('invalid_request', `the body is not one JSON object: ${why}`)

/** What may come next in the dictionary's own object (or in a nested one); `first` is before its first key, `key` and `value` inside one. */
type Place = 'start' | 'first' | 'next' | 'key' | 'colon' | 'before' | 'value' | 'comma' | 'end'

/**
 * A dictionary `{ key: value, ... }` as NDJSON, `{"key":...,"value":...}` a line, in constant memory. Of nested ones each inner
 * entry is a line, `{"key":...,"place":...,"value":...}`: its place is its key, or its position from `offset`, and null where there is
 * none. Only the outer objects are read here; keys and values pass as the bytes they are, of any size, and whoever cuts the lines, and
 * Postgres, judge them. Throws invalid_request for what is no object, too_large for a key of more than 32 MB.
 */
export async function* linesOfDictionary(chunks: Chunks, nested?: Nesting): AsyncGenerator<Buffer> {
  const scanner = scanDictionary(nested)
  for await (const chunk of chunks) {
    const lines = scanner.push(chunk)
    if (lines.length > 0) yield lines
  }
  scanner.end()
}

/** The scanner behind it: what the bytes so far have come to, piece by piece. */
export const scanDictionary = (nested: Nesting, offset = 0) => {
  let [place, depth, inText, escaped, size] = ['start' as Place, 0, false, false, 0]
  let [inside, number, key] = [false, offset, [] as Buffer[]]
  let out: Buffer[] = []
  let chunk: Buffer = Buffer.alloc(0)
  let from = 0

  const say = (text: string) => out.push(Buffer.from(text))
  const pass = (to: number) => (place === 'key' && nested && !inside ? key : out).push(chunk.subarray(from, to))
  const start = (i: number, next: 'key' | 'value') => {
    from = i
    place = next
    inText = chunk[i] === QUOTE
    depth = opens(chunk[i] as number) ? 1 : 0
  }
  /** The start of a line that stands under the outer key, up to its place. */
  const sayKey = (then: string) => {
    say('{"key":')
    out.push(...key)
    say(then)
  }

  const startKey = (i: number) => {
    if (inside) sayKey(',"place":')
    else if (nested) key = []
    else say('{"key":')
    start(i, 'key')
  }
  const endKey = (end: number) => {
    pass(end)
    if (inside || !nested) say(',"value":')
    place = 'colon'
  }
  const startValue = (i: number) => {
    if (inside && nested === 'list') sayKey(`,"place":${number++},"value":`)
    if (!inside && nested) {
      if (chunk[i] === (nested === 'map' ? OPEN_MAP : OPEN_LIST)) {
        ;[inside, number, place] = [true, offset, 'first']
        return
      }
      sayKey(',"value":') // not what it should be: Postgres tells
    }
    start(i, 'value')
  }
  const endValue = (i: number) => {
    pass(i)
    say('}\n')
    size = 0
    next(chunk[i] as number)
  }
  /** What is not expected at its place. */
  const refuse = (byte: number) => broken(`'${String.fromCharCode(byte)}' is not expected there`)
  /** Behind a value, or where nothing is inside: a comma, or what closes the object. */
  const next = (byte: number) => {
    if (byte === COMMA) place = 'next'
    else if (byte !== (inside && nested === 'list' ? CLOSE_LIST : CLOSE_MAP)) throw refuse(byte)
    else {
      place = inside ? 'comma' : 'end'
      inside = false
    }
  }
  const startEntry = (byte: number, i: number) => {
    if (inside && nested === 'list' && byte !== COMMA && !closes(byte)) startValue(i)
    else if (byte === QUOTE && !(inside && nested === 'list')) startKey(i)
    else throw refuse(byte)
  }
  /** What each byte does that is neither space nor part of a key or value. */
  const between: Record<Exclude<Place, 'key' | 'value'>, (byte: number, i: number) => void> = {
    start: byte => {
      if (byte === OPEN_MAP) place = 'first'
      else if (!BYTE_ORDER_MARK.includes(byte)) throw refuse(byte)
    },
    first: (byte, i) => {
      if (!closes(byte)) return startEntry(byte, i)
      if (inside) sayKey(`,"place":null,"value":${nested === 'map' ? '{}' : '[]'}}\n`)
      next(byte)
    },
    next: startEntry,
    colon: byte => {
      if (byte !== COLON) throw refuse(byte)
      place = 'before'
    },
    before: (byte, i) => {
      if (byte === COMMA || closes(byte)) throw refuse(byte)
      startValue(i)
    },
    comma: next,
    end: byte => {
      throw refuse(byte)
    },
  }
  /** Inside a text. */
  const read = (byte: number, i: number) => {
    if (byte < 0x20) throw broken('a control character stands in a text')
    if (escaped) escaped = false
    else if (byte === BACKSLASH) escaped = true
    else if (byte === QUOTE) {
      inText = false
      if (place === 'key') endKey(i + 1)
    }
  }
  const scan = (byte: number, i: number) => {
    if (inText) read(byte, i)
    else if (place === 'value') inValue(byte, i)
    else if (!isSpace(byte)) between[place as keyof typeof between](byte, i)
  }
  const inValue = (byte: number, i: number) => {
    if (byte === QUOTE) inText = true
    else if (opens(byte)) depth++
    else if (depth > 0 && closes(byte)) depth--
    else if (depth === 0 && (byte === COMMA || closes(byte))) endValue(i)
    else if (byte === 0x0a || byte === 0x0d) chunk[i] = 0x20 // a line must stay one line
  }

  return {
    /** The lines, or parts of lines, that the chunk completes. */
    push: (bytes: Buffer): Buffer => {
      ;[chunk, from, out] = [bytes, 0, []]
      for (let i = 0; i < chunk.length; i++) scan(chunk[i] as number, i)
      if (place === 'key' || place === 'value') {
        size += chunk.length - from
        pass(chunk.length)
      }
      if (place === 'key' && size > LARGEST) throw new Refusal('too_large', 'a key is larger than 32 MB')
      return Buffer.concat(out)
    },
    end: (): void => {
      if (place !== 'end') throw broken('it ends in the middle')
    },
  }
}
