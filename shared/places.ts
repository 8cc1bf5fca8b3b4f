import { type Nesting, scanDictionary } from './dictionary.ts'
import { batchesOf, type Chunks, splitLines } from './lines.ts'

/** Lines that are read together. */
const TOGETHER = 64 * 1024

/**
 * NDJSON of a nested dictionary, `{"key":...,"value":...}` with all of a key's entries or some (of a list `offset` tells which),
 * as lines of one entry each: `{"key":...,"place":...,"value":...}`. Such lines, and what is nothing of the kind, pass as they are.
 */
export async function* linesOfPlaces(chunks: Chunks, nested: 'map' | 'list'): AsyncGenerator<Buffer> {
  for await (const { bytes } of batchesOf(chunks, TOGETHER)) {
    yield Buffer.concat(splitLines(bytes).map(line => (isPlaced(line) ? Buffer.concat([line, NEWLINE]) : placed(line, nested))))
  }
}

const NEWLINE = Buffer.from('\n')
const PLACED = /^\{"key":"(?:[^"\\]|\\.)*","place":/
const isPlaced = (line: Buffer) => PLACED.test(line.toString('latin1', 0, 1024))

const placed = (line: Buffer, nested: 'map' | 'list'): Buffer => {
  const whole = Buffer.concat([line, NEWLINE])
  const { key, value, offset = '0', ...others } = membersOf(line)
  if (key === undefined || value === undefined || Object.keys(others).length > 0 || !/^\d{1,15}$/.test(offset.toString())) return whole
  return scanned(Buffer.concat([Buffer.from('{'), key, Buffer.from(':'), value, Buffer.from('}')]), nested, Number(offset)) ?? whole
}

/** A line's members by their names. */
const membersOf = (line: Buffer): { [name: string]: Buffer | undefined } => {
  const lines = scanned(line, undefined, 0) ?? Buffer.alloc(0)
  return Object.fromEntries(
    splitLines(lines).map(member => {
      const name = /^\{"key":"(\w*)","value":/.exec(member.toString('latin1', 0, 40))
      return name ? [name[1], member.subarray(name[0].length, -1)] : ['', member]
    }),
  )
}

/** The lines of an object, or undefined when it is none. */
const scanned = (text: Buffer, nested: Nesting, offset: number): Buffer | undefined => {
  try {
    const scanner = scanDictionary(nested, offset)
    const lines = scanner.push(Buffer.from(text)) // the scanner blanks line breaks in place
    scanner.end()
    return lines
  } catch {
    return undefined
  }
}
