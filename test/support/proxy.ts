import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Counts, makeParser, noCounts } from './wire.ts'

/**
 * `open` passes everything; `deaf` keeps the server's answers back, `mute` all but that it takes a login; `silent` takes connections and
 * requests, and does nothing at all.
 */
type Mode = 'open' | 'deaf' | 'mute' | 'silent'

/** A TCP proxy before a PostgreSQL server: counts what passes, and fails as networks do. */
export type WireProxy = {
  /** The same URL, by way of this proxy. */
  url(of: string): string
  /** What has passed since the last look, once the server is ready again on every connection. */
  take(): Promise<Counts>
  /** For the connections that are open and those to come; `deaf` may still let the answers of some trips pass. */
  become(mode: Mode, trips?: number): void
  /** Resolves at the next answer of the server that is kept back: the server has done what it was asked. */
  withheld(): Promise<void>
  /** Cuts every connection, both ways. */
  cut(): void
  /** Answers every connection with a reset, both ways. */
  reset(): void
  /** Swallows all that comes over the open connections, for good; neither side hears of it, not even that the other one leaves. */
  abandon(): void
  close(): Promise<void>
  /** Listens again, on the same port. */
  reopen(): Promise<void>
}

export const startProxy = async (server: string): Promise<WireProxy> => {
  const target = new URL(server)
  const sockets = new Set<Socket>()
  const abandoned = new WeakSet<Socket>()
  let counts = noCounts()
  let mode: Mode = 'open'
  let passing = 0
  let heard: (() => void)[] = []
  let owed = 0

  const count = (side: 'client' | 'server', type: string) => {
    counts[side][type] = (counts[side][type] ?? 0) + 1
  }
  const track = (socket: Socket, other: () => Socket | undefined) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (!abandoned.has(socket)) other()?.destroy()
    })
  }

  const listener = createServer(client => {
    counts.connections++
    let owes = 0
    let ready = false
    const owe = (more: number) => {
      owes += more
      owed += more
    }
    const read = makeParser(true, type => {
      count('client', type)
      if (['startup', 'S', 'Q'].includes(type)) owe(1)
    })
    const answered = makeParser(false, type => {
      count('server', type)
      if (type !== 'Z') return
      ready = true
      owe(-1)
      passing--
    })
    client.on('close', () => owe(-owes))
    let upstream: Socket | undefined
    track(client, () => upstream)
    client.on('data', chunk => {
      if (mode === 'silent' || abandoned.has(client)) return
      // a goodbye (Terminate, 'X') is no trip
      if (chunk[0] !== 'X'.charCodeAt(0)) counts.flushes++
      read(chunk)
      upstream?.write(chunk)
    })
    if (mode === 'silent') return
    upstream = connect(Number(target.port), target.hostname)
    track(upstream, () => client)
    upstream.on('data', chunk => {
      if (abandoned.has(client)) return
      if (mode === 'open' || passing > 0 || (mode === 'mute' && !ready)) {
        answered(chunk)
        client.write(chunk)
        return
      }
      for (const hear of heard) hear()
      heard = []
    })
  })
  const listen = (port: number) => new Promise<void>(resolve => listener.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = listener.address() as AddressInfo
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    url: of => Object.assign(new URL(of), { hostname: '127.0.0.1', port: String(port) }).href,
    take: async () => {
      while (owed > 0) await new Promise(setImmediate)
      const taken = counts
      counts = noCounts()
      return taken
    },
    become: (next, trips = 0) => {
      mode = next
      passing = trips
    },
    withheld: () => new Promise(resolve => heard.push(resolve)),
    cut,
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    abandon: () => {
      for (const socket of sockets) abandoned.add(socket)
    },
    reopen: () => listen(port),
    close: async () => {
      cut()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}
