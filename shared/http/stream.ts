import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../observe/log.ts'

/** The same stream with its first piece fetched: what goes wrong before it can still be answered as a problem. */
export const begun = async (stream: AsyncIterable<string>): Promise<AsyncIterable<string>> => {
  const pieces = stream[Symbol.asyncIterator]()
  const first = await pieces.next()
  return (async function* () {
    try {
      for (let piece = first; !piece.done; piece = await pieces.next()) yield piece.value
    } finally {
      await pieces.return?.()
    }
  })()
}

/** Writes a body piece by piece, as fast as the caller reads. An error ends the connection: half a body must not look whole. */
export const sendStream = async (
  response: ServerResponse,
  stream: AsyncIterable<string>,
  headers: OutgoingHttpHeaders,
  log: Log,
): Promise<void> => {
  response.writeHead(200, headers)
  try {
    await pipeline(Readable.from(stream), response)
  } catch (error) {
    log('warning', 'an answer ended in the middle', { error })
    response.destroy()
  }
}
