import { Agent, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** A request as data. */
export type Asked = { method: string; path: string; body?: unknown; key?: string; ifMatch?: string }
export type Answer = { status: number; body: ReturnType<typeof JSON.parse>; replayed: boolean; retryAfter: boolean }

const PATIENCE_MS = 15_000

/** Connections stay open: a client without fetch makes several times the requests in the same time. */
const agent = new Agent({ keepAlive: true })

/** One request. Undefined when no whole answer came, or the asker left after `patience` milliseconds. */
export const ask = (
  url: string,
  token: string,
  { method, path, body, key, ifMatch }: Asked,
  patience?: number,
): Promise<Answer | undefined> =>
  new Promise(resolve => {
    const sent = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(sent),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    }
    const lost = () => resolve(undefined)
    const asking = request(url + path, { agent, method, headers }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', lost)
      response.on('end', () => {
        const { statusCode: status = 0, headers: got } = response
        const answer = { status, replayed: 'idempotent-replayed' in got, retryAfter: 'retry-after' in got }
        const isJson = /[/+]json\b/.test(got['content-type'] ?? '')
        resolve(response.complete ? { ...answer, body: isJson && text ? JSON.parse(text) : text } : undefined)
      })
    })
    asking.on('error', lost)
    asking.end(sent)
    if (patience === undefined) return
    const leave = setTimeout(() => asking.destroy(), patience)
    asking.once('close', () => clearTimeout(leave))
  })

/** Asks until there is an answer that does not ask for patience: a 503, a 409 with Retry-After. Throws when it is no success. */
export const insist = async (url: string, token: string, asked: Asked): Promise<Answer> => {
  for (const deadline = performance.now() + PATIENCE_MS; ; await wait(10)) {
    const answer = await ask(url, token, asked)
    if (answer && answer.status < 300) return answer
    const wanting = answer === undefined || answer.status === 503 || (answer.status === 409 && answer.retryAfter)
    if (!wanting || performance.now() > deadline) throw new Error(`${asked.method} ${asked.path} answered ${JSON.stringify(answer)}`)
  }
}

/** Every item of a list. */
export const everyItem = async <T>(url: string, token: string, path: string): Promise<T[]> => {
  const items: T[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await insist(url, token, { method: 'GET', path: `${path}?limit=200${cursor && `&cursor=${cursor}`}` })
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}
