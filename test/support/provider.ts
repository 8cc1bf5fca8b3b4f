import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call of a provider, as it came in. */
export type Asked = { path: string; authorization: string | undefined; texts: string[]; body: Record<string, unknown> }

/** What becomes of a call: its vectors, or what is sent in their place. `hang` sends nothing at all, `break off` half an answer. */
export type Fate =
  | 'answer'
  | 'hang'
  | 'break off'
  | 'hang up'
  | { status: number; headers?: Record<string, string> }
  | { body: (whole: object) => unknown }

/** A stand-in for OpenAI's and for Google's API of embeddings: equal texts have equal vectors, texts with words in common similar ones. */
export type ProviderStandIn = {
  url: string
  asked: Asked[]
  /** Called as a call comes in; asked for the fate of each. */
  fate: (asked: Asked) => Fate | Promise<Fate>
  /** Numbers of a vector. */
  dimensions: number
  close(): Promise<void>
}

export const startProvider = async (): Promise<ProviderStandIn> => {
  const standIn: Omit<ProviderStandIn, 'url' | 'close'> = { asked: [], fate: () => 'answer', dimensions: 1536 }

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const body = JSON.parse(text)
    const google = Array.isArray(body.instances)
    const texts: string[] = google ? body.instances.map(({ content }: { content: string }) => content) : body.input
    const asked = { path: request.url ?? '', authorization: request.headers.authorization, texts, body }
    standIn.asked.push(asked)
    const fate = await standIn.fate(asked)
    const vectors = texts.map(one => wordVector(one, standIn.dimensions))
    const whole = google
      ? { predictions: vectors.map(values => ({ embeddings: { values } })) }
      : { object: 'list', model: body.model, data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })) }
    if (fate === 'hang') return
    if (fate === 'hang up') return void response.destroy()
    if (fate === 'break off') return void response.writeHead(200).write(JSON.stringify(whole).slice(0, 40), () => response.destroy())
    if (typeof fate === 'object' && 'status' in fate)
      return void response.writeHead(fate.status, fate.headers).end('{"error":"of the stand-in"}')
    const answer = typeof fate === 'object' ? fate.body(whole) : whole
    response.writeHead(200, { 'content-type': 'application/json' }).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }

  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () =>
    new Promise<void>(resolve => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  return Object.assign(standIn, { url, close })
}

/** A bag of words: each adds 1 at places that its hash tells. */
export const wordVector = (text: string, dimensions: number): number[] => {
  const vector = new Array<number>(dimensions).fill(0)
  for (const word of [...(text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? []), '*']) {
    const digest = createHash('sha256').update(word).digest()
    for (const at of [0, 4, 8]) (vector[digest.readUInt32LE(at) % dimensions] as number) += 1
  }
  return vector
}
