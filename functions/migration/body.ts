import type { Collection } from '../../shared/db/legacy.ts'
import { linesOfDictionary } from '../../shared/dictionary.ts'
import type { Chunks } from '../../shared/lines.ts'
import { linesOfPlaces } from '../../shared/places.ts'

/** The same lines once all of them are there: of an object that is cut off none is. For what fits a request. */
export async function* wholly(lines: Chunks): AsyncGenerator<Buffer> {
  const held: Buffer[] = []
  for await (const piece of lines) held.push(piece)
  yield* held
}

/** A dictionary's bytes, one JSON object or NDJSON, as lines of one entry each. */
export const linesOfBody = (bytes: Chunks, ndjson: boolean, { nested }: Collection): Chunks => {
  if (!ndjson) return linesOfDictionary(bytes, nested?.kind)
  return nested ? linesOfPlaces(bytes, nested.kind) : bytes
}
