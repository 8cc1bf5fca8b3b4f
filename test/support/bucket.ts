import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A stand-in for Cloud Storage's JSON API and the metadata server, as far as they are used. */
export type Bucket = {
  /** What the configuration must say to reach it; the bucket is `heads`. */
  environment: Record<string, string>
  objects: Map<string, string>
  /** How many tokens were given out; each lives as many seconds. */
  tokens: { given: number; seconds: number }
  /** While it is broken every request to the bucket answers this status. */
  broken: number | undefined
  /** From now on requests to the bucket wait: until when, and when the first one has come. */
  hold(): { reached: Promise<void>; release(): void }
  stop(): Promise<void>
}

const PAGE = 2

export const startBucket = async (): Promise<Bucket> => {
  const objects = new Map<string, string>()
  const tokens = { given: 0, seconds: 3600 }
  let waiting = async (): Promise<void> => {}
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url as string, 'http://bucket')
    const answer = (status: number, body = '{}') => response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    if (pathname === '/computeMetadata/v1/instance/service-accounts/default/token') {
      if (request.headers['metadata-flavor'] !== 'Google') return answer(403)
      return answer(200, JSON.stringify({ access_token: `token-${++tokens.given}`, expires_in: tokens.seconds, token_type: 'Bearer' }))
    }
    let text = ''
    for await (const chunk of request) text += chunk
    const token = Number(/^Bearer token-(\d+)$/.exec(request.headers.authorization ?? '')?.[1])
    if (!(token >= 1 && token <= tokens.given)) return answer(401)
    await waiting()
    if (bucket.broken) return answer(bucket.broken)
    if (request.method === 'POST' && pathname === '/upload/storage/v1/b/heads/o' && searchParams.get('uploadType') === 'media') {
      const name = searchParams.get('name') as string
      if (searchParams.get('ifGenerationMatch') === '0' && objects.has(name)) return answer(412)
      objects.set(name, text)
      return answer(200)
    }
    if (request.method === 'GET' && pathname === '/storage/v1/b/heads/o') return answer(200, JSON.stringify(listing(searchParams)))
    const name = decodeURIComponent(/^\/storage\/v1\/b\/heads\/o\/([^/]+)$/.exec(pathname)?.[1] ?? '')
    const found = request.method === 'GET' && searchParams.get('alt') === 'media' ? objects.get(name) : undefined
    return found === undefined ? answer(404) : answer(200, found)
  })
  const listing = (asked: URLSearchParams) => {
    const from = asked.get('pageToken') ?? asked.get('startOffset') ?? ''
    const names = [...objects.keys()].filter(name => name.startsWith(asked.get('prefix') ?? '') && name >= from).sort()
    const items = names.slice(0, PAGE).map(name => ({ name }))
    return names.length > PAGE ? { items, nextPageToken: names[PAGE] } : items.length > 0 ? { items } : {}
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const bucket: Bucket = {
    environment: { AUDIT_HEAD_BUCKET: 'heads/audit', STORAGE_EMULATOR_HOST: `http://${host}`, GCE_METADATA_HOST: host },
    objects,
    tokens,
    broken: undefined,
    hold: () => {
      let [reach, release] = [() => {}, () => {}]
      const reached = new Promise<void>(resolve => {
        reach = resolve
      })
      const released = new Promise<void>(resolve => {
        release = resolve
      })
      waiting = () => {
        reach()
        return released
      }
      return { reached, release }
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return bucket
}
