import type { Server, ServerResponse } from 'node:http'
import type { Log } from '../observe/log.ts'

/** Cloud Run kills an instance 10 s after SIGTERM. */
const DRAIN_MS = 9_000

/**
 * On SIGTERM or SIGINT lets the requests in flight end, closes what they used, and exits. functions-framework would answer
 * them with 500 at once: its own listeners are taken off as they come.
 */
export const drainOnSignal = (servers: ReadonlyMap<Server, ReadonlySet<ServerResponse>>, close: () => Promise<void>, log: Log): void => {
  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), DRAIN_MS).unref()
    log('info', `${signal}: finishing what runs`)
    await Promise.all([...servers].map(([server, owed]) => closeServer(server, owed)))
    await close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  process.on('newListener', (event, listener) => {
    if ((event === 'SIGTERM' || event === 'SIGINT') && listener !== stop) queueMicrotask(() => process.removeListener(event, listener))
  })
}

/** Takes no new connection, and tells the clients of open ones to go as their requests end: a kept one would hold the drain up. */
const closeServer = (server: Server, owed: ReadonlySet<ServerResponse>): Promise<void> =>
  new Promise(resolve => {
    for (const response of owed) {
      if (response.headersSent) response.once('close', () => server.closeIdleConnections())
      else response.setHeader('connection', 'close')
    }
    server.prependListener('request', (_, response) => response.setHeader('connection', 'close'))
    server.close(() => resolve())
    server.closeIdleConnections()
  })
