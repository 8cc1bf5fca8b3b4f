import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Instance } from './instance.ts'

const ACCOUNT = 'functions@p.iam.gserviceaccount.com'

/** Stand-ins for Google's APIs, as far as they are used: metadata server, Cloud SQL Admin, Secret Manager, Telemetry (OTLP over HTTP). */
export type Google = {
  /** What the configuration must say to reach them. */
  environment: Record<string, string>
  /** Secrets of the project `p`, by name: their versions, the newest last. */
  secrets: Map<string, string[]>
  /** Requests by their path, as they came. */
  requests: string[]
  /** What was sent to Telemetry, by its path. */
  telemetry: { path: string; body: ReturnType<typeof JSON.parse> }[]
  /** While it is down, every request but the metadata server's is answered 503. */
  down: boolean
  stop(): Promise<void>
}

export const startGoogle = async (instances: readonly Instance[] = []): Promise<Google> => {
  const secrets = new Map<string, string[]>()
  const requests: string[] = []
  const telemetry: Google['telemetry'] = []
  let tokens = 0

  const metadata = (path: string): object | string | undefined => {
    if (path === '/instance/service-accounts/default/token')
      return { access_token: `token-${++tokens}`, expires_in: 3600, token_type: 'Bearer' }
    return { '/instance': {}, '/project/project-id': 'p', '/universe/universe-domain': 'googleapis.com' }[path]
  }
  const sqlAdmin = (path: string, body: string): object | undefined => {
    const placeOf = ({ connectionName }: Instance) => `/sql/v1beta4/projects/${connectionName.replace(/:.*:/, '/instances/')}`
    const instance = instances.find(one => path.startsWith(`${placeOf(one)}/`) || path.startsWith(`${placeOf(one)}:`))
    if (!instance) return undefined
    const at = placeOf(instance)
    const [, region] = instance.connectionName.split(':')
    if (path === `${at}/connectSettings`)
      return {
        region,
        ipAddresses: [{ type: 'PRIVATE', ipAddress: instance.address() }],
        serverCaCert: { cert: instance.authority.certificate, expirationTime: '2049-01-01T00:00:00Z' },
      }
    const { public_key, access_token } = JSON.parse(body) as { public_key: string; access_token?: string }
    return { ephemeralCert: { cert: instance.certify(public_key, access_token && ACCOUNT.replace('.gserviceaccount.com', '')) } }
  }
  const secretVersion = (path: string): object | undefined => {
    const name = /^\/v1\/(projects\/p\/secrets\/([^/]+)\/versions\/latest):access$/.exec(path)
    const data = name && secrets.get(name[2] as string)?.at(-1)
    return name && data !== undefined ? { name: name[1], payload: { data: Buffer.from(data ?? '').toString('base64') } } : undefined
  }

  const server = createServer(async (request, response) => {
    const path = (request.url as string).replace(/\?.*$/, '')
    const answer = (status: number, body: object | string) =>
      response
        .writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json', 'metadata-flavor': 'Google' })
        .end(typeof body === 'string' ? body : JSON.stringify(body))
    let body = ''
    for await (const chunk of request) body += chunk
    if (path.startsWith('/computeMetadata/v1')) {
      const known = metadata(path.slice('/computeMetadata/v1'.length).replace(/\/$/, ''))
      return answer(known === undefined ? 404 : 200, known ?? '')
    }
    requests.push(path)
    const token = Number(/^Bearer token-(\d+)$/.exec(request.headers.authorization ?? '')?.[1])
    if (!(token >= 1 && token <= tokens)) return answer(401, { error: { code: 401, message: 'no token' } })
    if (google.down) return answer(503, { error: { code: 503, message: 'down' } })
    if (path === '/v1/metrics' || path === '/v1/traces') {
      telemetry.push({ path, body: JSON.parse(body) })
      return answer(200, {})
    }
    const found = sqlAdmin(path, body) ?? secretVersion(path)
    return found ? answer(200, found) : answer(404, { error: { code: 404, message: 'not found', status: 'NOT_FOUND' } })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const google: Google = {
    environment: {
      GCE_METADATA_HOST: host,
      SQL_ADMIN_API_URL: `http://${host}`,
      SECRET_MANAGER_API_URL: `http://${host}`,
      GOOGLE_CLOUD_PROJECT: 'p',
    },
    secrets,
    requests,
    telemetry,
    down: false,
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return google
}
