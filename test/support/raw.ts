import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** A request exactly as it is to be sent: a header may stand several times, a path may be no path. */
export type Sent = { method: string; path: string; headers: Record<string, string | string[]>; body?: string | Buffer | undefined }
export type Got = { status: number; headers: IncomingHttpHeaders; text: string }

/** A client that sends what it is given: fetch would mend paths and headers. Its connections stay open until it is closed. */
export const rawClient = (url: string, atOnce = 1) => {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const send = ({ method, path, headers, body }: Sent): Promise<Got> =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const asked = request(url, { method, path, headers: { ...headers, ...length }, agent }, async response => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
      })
      asked.once('error', reject).end(body)
    })
  return { send, close: () => agent.destroy() }
}
