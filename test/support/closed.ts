import { Agent, request } from 'node:http'

/** Requests of one client, one after another. */
export type Asking = { method: string; url: string; headers: Record<string, string>; body: string }
/** Milliseconds. */
export type Times = { count: number; p50: number; p99: number }

const send = (agent: Agent, { method, url, headers, body }: Asking): Promise<void> =>
  new Promise((resolve, reject) => {
    const asking = request(url, { agent, method, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, response => {
      response.resume()
      const { statusCode = 0 } = response
      response.on('end', () => (statusCode < 300 ? resolve() : reject(new Error(`${method} ${url} answered ${statusCode}`))))
    })
    asking.on('error', reject)
    asking.end(body)
  })

/** Each client asks its own request again and again, for so long; exact to the microsecond, unlike autocannon's whole milliseconds. */
export const timed = async (clients: Asking[], milliseconds: number): Promise<Times> => {
  const agent = new Agent({ keepAlive: true, maxSockets: clients.length })
  const times: number[] = []
  const end = performance.now() + milliseconds
  try {
    await Promise.all(
      clients.map(async client => {
        for (let begin = performance.now(); begin < end; begin = performance.now()) {
          await send(agent, client)
          times.push(performance.now() - begin)
        }
      }),
    )
  } finally {
    agent.destroy()
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return { count: times.length, p50: at(0.5), p99: at(0.99) }
}
