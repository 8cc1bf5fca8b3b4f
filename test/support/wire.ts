/** What goes over one connection of the PostgreSQL protocol: how often each kind of message, and how many bursts the client sent. */
export type Counts = {
  /** Bursts of messages that the client sent at once: each costs one trip. */
  flushes: number
  /** Messages of the client by their type: S is Sync, Q a simple Query, H a Flush, P a Parse, E an Execute. */
  client: Record<string, number>
  /** Messages of the server by their type: Z is ReadyForQuery. */
  server: Record<string, number>
  /** Connections begun. */
  connections: number
}

export const noCounts = (): Counts => ({ flushes: 0, client: {}, server: {}, connections: 0 })

const STARTUP_HEADER = 4
const HEADER = 5

/**
 * Reads one direction of a connection and names each message by its type, wherever the network cuts them.
 * The client's first message alone has no type: it is named 'startup'.
 */
export const makeParser = (startup: boolean, onMessage: (type: string) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  let first = startup
  return chunk => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const header = first ? STARTUP_HEADER : HEADER
      if (rest.length < header) return
      const length = rest.readUInt32BE(header - 4) + header - 4
      if (rest.length < length) return
      onMessage(first ? 'startup' : String.fromCharCode(rest[0] as number))
      first = false
      rest = rest.subarray(length)
    }
  }
}
