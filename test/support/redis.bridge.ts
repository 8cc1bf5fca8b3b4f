import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type Resp, redisWire } from './redis.wire.ts'

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

/** As Upstash writes answers: strings in base64 where the client asks for it, but never the status OK. */
const written = (value: Resp, base64: boolean): unknown => {
  if (Array.isArray(value)) return value.map(item => written(item, base64))
  if (typeof value === 'string') return base64 ? Buffer.from(value).toString('base64') : value
  if (value === null || typeof value === 'number') return value
  if ('status' in value) return base64 && value.status !== 'OK' ? Buffer.from(value.status).toString('base64') : value.status
  return null
}

const answer = (value: Resp, base64: boolean) =>
  typeof value === 'object' && value !== null && 'error' in value ? { error: value.error } : { result: written(value, base64) }

const send = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

export const startBridge = async (port: number, token = 'token-of-the-bridge'): Promise<Bridge> => {
  const wire = redisWire(port)
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
      let results: Resp[] = []
      for (let time = 0; time < times; time++) results = await Promise.all(commands.map(wire.send))
      if (mode === 'deaf') return void request.socket.destroy()
      const answers = results.map(value => answer(value, base64))
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
    redis: (...command) => wire.send(command),
    close: async () => {
      wire.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
