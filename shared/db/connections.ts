import type { Pool, PoolClient } from 'pg'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { type DatabaseError, toRefusal } from './refusals.ts'

/** Connections of a pool, as requests take them. */
export type Connections = {
  /** Opens one before anybody needs it. Who comes meanwhile waits for it: one of his own would be there later, and be one too many. */
  open(): void
  /** Throws overloaded where too many wait, unavailable where the database takes none. */
  take(): Promise<PoolClient>
  /** Tells that a connection broke while it was used. */
  broke(client: PoolClient): void
}

export type ConnectionOptions = {
  /** Requests that may wait for a connection; one more is refused with 503. */
  queue: number
  /** See Opened. */
  renew?: (() => Promise<boolean>) | undefined
  log: Log
}

/** No connection of the pool became free. */
const isFull = ({ message }: DatabaseError): boolean => /timeout exceeded when trying to connect/.test(message)

const refuse = (cause: DatabaseError): never => {
  if (isFull(cause) || /due to connection timeout/.test(cause.message))
    throw new Refusal('overloaded', 'no database connection became free in time', { retryAfter: 1, cause })
  throw toRefusal(cause)
}

/**
 * Takes connections from a pool. One that the server refuses is asked for a second time where there is something new to try: nothing
 * was sent yet. What broke one connection (a restart, a move, a process that stood still) has mostly ended all that were made before
 * it, unnoticed: none of them is used again.
 */
export const connectionsOf = (pool: Pool, { queue, renew, log }: ConnectionOptions): Connections => {
  let breaks = 0
  const breaksBefore = new WeakMap<PoolClient, number>()
  pool.on('connect', client => breaksBefore.set(client, breaks))
  const isSuspect = (client: PoolClient): boolean => breaks > 0 && breaksBefore.get(client) !== breaks

  const again = async (error: DatabaseError): Promise<PoolClient> => {
    // codes that begin with 5 are the server's own state, of which nothing can be learned elsewhere
    if (isFull(error) || error.code?.startsWith('5')) return refuse(error)
    log('warning', 'a connection was refused', { error })
    if (!renew) return refuse(error)
    const renewed = await renew().catch(cause => {
      log('warning', 'what a connection takes cannot be had', { error: cause })
      return false
    })
    return renewed ? pool.connect().catch(refuse) : refuse(error)
  }

  let opening: Promise<void> | undefined

  return {
    open: () => {
      const opened = pool
        .connect()
        .catch(again)
        .then(client => client.release())
      opening = opened.finally(() => {
        opening = undefined
      })
      opening.catch(() => {}) // whoever waits for it tells
    },
    take: async () => {
      if (opening !== undefined) await opening
      if (pool.waitingCount >= queue) throw new Refusal('overloaded', 'too many requests wait for the database', { retryAfter: 1 })
      for (;;) {
        const client = await pool.connect().catch(again)
        if (!isSuspect(client)) return client
        client.release(true)
      }
    },
    broke: client => {
      if (!isSuspect(client)) breaks++
    },
  }
}
