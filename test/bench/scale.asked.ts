import { DAILY, OLD_DAYS, timeOf } from './scale.fill.ts'

/** A request about row `n` of `size`, under a `turn` that never comes again. */
type Asked = { method?: string; path: string; body?: unknown; headers?: Record<string, string> }
/** `least`: the smallest size that holds what it asks for, if not every size does. */
export type Workload = {
  what: string
  of: 'nothing' | 'rows' | 'events'
  least?: number
  ask: (n: number, turn: string, size: number) => Asked
}

/** What stands beside all others: it is the same at every size, so that it tells how busy the machine was. */
export const BARE: Workload = { what: 'GET /organizations/me', of: 'nothing', ask: () => ({ path: '/organizations/me' }) }

const query = (body: object) => ({ method: 'POST', path: '/database/tables/goods/query', body })
const search = (words: string) => ({ method: 'POST', path: '/knowledge/search', body: { query: words, mode: 'text', limit: 10 } })

/** A report of some days among the first OLD_DAYS, which none materializes: those are answered from a cache, these are read at every size. */
const report = (days: number, n: number, size: number): Asked => {
  const first = n % (Math.min(size / DAILY, OLD_DAYS) - days + 1)
  return { path: `/analytics/reports/daily_events?from=${timeOf(first * DAILY)}&to=${timeOf((first + days) * DAILY)}` }
}

export const workloads: Workload[] = [
  BARE,
  { what: 'agent by id', of: 'rows', ask: n => ({ path: `/agents/agt-${n}` }) },
  { what: 'list of agents', of: 'rows', ask: () => ({ path: '/agents?limit=50' }) },
  { what: 'agents of an industry', of: 'rows', ask: () => ({ path: '/agents?limit=50&industry=hotels' }) },
  { what: 'record by id', of: 'rows', ask: n => ({ path: `/database/tables/goods/records/g${n}` }) },
  { what: 'records by an indexed field', of: 'rows', ask: n => query({ where: { price: { $gte: n, $lt: n + 20 } } }) },
  { what: 'records by another field', of: 'rows', ask: n => query({ where: { serial: n } }) },
  { what: 'messages with a rare word', of: 'rows', ask: () => ({ path: '/conversations/search?q=labradorite&limit=10' }) },
  { what: 'messages with a word of 1 %', of: 'rows', ask: () => ({ path: '/conversations/search?q=breakfast&limit=10' }) },
  { what: 'entries with a rare word', of: 'rows', ask: () => search('labradorite') },
  { what: 'entries with a word of 1 %', of: 'rows', ask: () => search('breakfast') },
  {
    what: 'payment',
    of: 'rows',
    ask: (_, turn) => ({
      ...{ method: 'POST', path: '/payments/intents', body: { amount: 1999, currency: 'usd', confirm: true } },
      headers: { 'idempotency-key': turn },
    }),
  },
  { what: 'transactions of a payment', of: 'rows', ask: n => ({ path: `/payments/transactions?intent_id=pay-${n}` }) },
  { what: 'balance', of: 'rows', ask: () => ({ path: '/payments/balance' }) },
  { what: 'events of a type', of: 'events', ask: () => ({ path: '/analytics/events?event_type=booking&limit=50' }) },
  { what: 'report of a day', of: 'events', ask: (n, _, size) => report(1, n, size) },
  { what: 'report of a month', of: 'events', least: 1_000_000, ask: (n, _, size) => report(30, n, size) },
]
