import { type Asked, ask } from '../support/ask.ts'
import { examples, type Made, makeOne } from '../support/examples.ts'

/** A caller's organization, with one record of everything: after a while another takes its place. */
export type Tenant = { key: string; made: Made }

/** What reads all that an organization has, and what ends it. */
const seldom = ['get /audit/export', 'get /audit/verify', 'delete /organizations/me']
const common = Object.keys(examples).filter(route => !seldom.includes(route))
/** What removes the one record that the others ask for: drawn as often as they, it would leave them little but 404. */
const removals = common.filter(route => route.startsWith('delete ') || route.endsWith('/delete'))
const often = common.filter(route => !removals.includes(route))
const SELDOM = 1 / 3_400
const REMOVALS = 1 / 150

const platform: Asked[] = [
  ...['refresh-reports', 'seal-audit', 'purge-expired', 'settle-payments'].map(job => ({ method: 'POST', path: `/jobs/${job}` })),
  ...['/metrics', '/jobs/runs', '/openapi.json', '/docs', '/health/ready', '/migration/collections'].map(path => ({ method: 'GET', path })),
]

/** What nobody should ask for: unknown, unreadable, without a key, of others. */
const odd: Asked[] = [
  { method: 'GET', path: '/nowhere' },
  { method: 'POST', path: '/agents', body: { name: 7, unknown: true } },
  { method: 'POST', path: '/payments/intents', body: { amount: 1, currency: 'usd' } },
  { method: 'GET', path: '/agents?cursor=forged' },
  { method: 'GET', path: '/agents/nobody' },
  { method: 'PATCH', path: '/conversations/nobody', body: { metadata: {} } },
]

type Counts = Map<string, number>

export const makeTenant = async (url: string, adminKey: string, mark: string): Promise<Tenant> => {
  const asking =
    (token: string) =>
    async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await ask(url, token, { method, path, body, ...keyed(headers['idempotency-key']) })
      if (answer === undefined || answer.status >= 400) throw new Error(`${method} ${path} answered ${JSON.stringify(answer)}`)
      return answer
    }
  const { body } = await asking(adminKey)('POST', '/organizations', { id: mark, name: mark })
  const key = body.api_key.secret as string
  return { key, made: await makeOne(asking(key), mark) }
}

const keyed = (key: string | undefined) => (key === undefined ? {} : { key })

/** One turn of a caller: a request of some route, or an odd one, or the platform's; some are left, some have a key and come twice. */
export const turn = async (
  url: string,
  adminKey: string,
  tenant: Tenant,
  random: () => number,
  counts: Counts,
  serial: number,
): Promise<void> => {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const count = (what: string | number) => counts.set(String(what), (counts.get(String(what)) ?? 0) + 1)
  const send = async (token: string, asked: Asked, patience?: number) => count((await ask(url, token, asked, patience))?.status ?? 'left')
  const any = random()
  if (any < 0.005) return void (await send(adminKey, pick(platform)))
  if (any < 0.05) return void (await send(pick([tenant.key, tenant.key, 'ah_nobody_nothing', '']), pick(odd)))
  const drawn = random()
  const route = pick(drawn < SELDOM ? seldom : drawn < SELDOM + REMOVALS ? removals : often)
  const { path, body, headers } = (examples[route] as (typeof examples)[string])(tenant.made)
  const method = route.slice(0, route.indexOf(' ')).toUpperCase()
  const given = headers?.['idempotency-key'] ?? (method === 'POST' && random() < 0.3 ? `soak-${serial}` : undefined)
  const asked = { method, path, body, ...keyed(given) }
  await send(tenant.key, asked, random() < 0.03 ? random() * 10 : undefined)
  if (given !== undefined && random() < 0.5) await send(tenant.key, asked)
}
