import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createClient, ErrorReply } from 'redis'

type Resp = string | number | null | Resp[]

/**
 * `open` passes everything; `silent` takes requests and does nothing; `deaf` has Redis do what it is asked, and cuts the connection
 * instead of answering; `twice` has it do everything twice, as a network that repeats does.
 */
export type Mode = 'open' | 'silent' | 'deaf' | 'twice'

/** Upstash's REST protocol in front of a real redis-server: what the real client talks to in the tests. */
export type Bridge = {
  url: string
  token: string
  /** Requests since the last look. */
  take(): number
  become(mode: Mode): void
  /** A command past the protocol. */
  redis(...command: (string | number)[]): Promise<Resp>
  close(): Promise<void>
}

/** As Upstash writes answers: strings in base64 where the client asks for it, but never OK. */
const written = (value: Resp, base64: boolean): unknown => {
  if (Array.isArray(value)) return value.map(item => written(item, base64))
  return typeof value === 'string' && base64 && value !== 'OK' ? Buffer.from(value).toString('base64') : value
}

/** A command's result, or the error that Redis answers; a lost connection throws. */
const answered = async (result: Promise<Resp>, base64: boolean): Promise<{ result: unknown } | { error: string }> => {
  try {
    return { result: written(await result, base64) }
  } catch (error) {
    if (error instanceof ErrorReply) return { error: error.message }
    throw error
  }
}

const send = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

export const startBridge = async (port: number, token = 'token-of-the-bridge'): Promise<Bridge> => {
  const client = createClient({ RESP: 2, disableOfflineQueue: true, socket: { port, host: '127.0.0.1', reconnectStrategy: 20 } })
  client.on('error', () => {}) // it connects again by itself, and every command tells of its own failure
  await client.connect()
  const redis = (command: readonly unknown[]): Promise<Resp> => client.sendCommand(command.map(String))
  let mode: Mode = 'open'
  let requests = 0
  const server = createServer(async (request, response) => {
    requests++
    if (request.headers.authorization !== `Bearer ${token}`) return send(response, 401, { error: 'Unauthorized' })
    const body = (await json(request)) as unknown[]
    if (mode === 'silent') return
    const base64 = request.headers['upstash-encoding'] === 'base64'
    const pipelined = request.url === '/pipeline'
    const commands = (pipelined ? body : [body]) as unknown[][]
    const times = mode === 'twice' ? 2 : 1
    try {
      let answers: unknown[] = []
      for (let time = 0; time < times; time++) answers = await Promise.all(commands.map(command => answered(redis(command), base64)))
      if (mode === 'deaf') return void request.socket.destroy()
      send(response, 200, pipelined ? answers : answers[0])
    } catch (error) {
      send(response, 500, { error: String(error) })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    take: () => {
      const taken = requests
      requests = 0
      return taken
    },
    become: next => {
      mode = next
    },
    redis: (...command) => redis(command),
    close: async () => {
      client.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
