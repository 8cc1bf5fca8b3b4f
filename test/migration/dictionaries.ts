import { readFileSync } from 'node:fs'
import type { Running } from '../support/http.ts'

export const names = [
  ...(['agents', 'counters', 'conversations', 'tables', 'database', 'analytics_data', 'metrics_cache'] as const),
  ...(['payment_intents', 'transactions', 'embeddings_cache'] as const),
] as const
export const sample = (name: string): string => readFileSync(new URL(`samples/${name}.json`, import.meta.url), 'utf8')

/** How many entries a dictionary has: those of its lists and of its dictionaries, where it has such. */
export const entriesIn = (name: string, text: string): number => {
  const values = Object.values(JSON.parse(text))
  return ['database', 'analytics_data'].includes(name) ? values.flatMap(one => Object.keys(one as object)).length : values.length
}

/** The routes of dictionaries, as the platform calls them. An array of entries is sent as NDJSON, text as a JSON object. */
export const dictionariesOf = ({ admin, database }: Running, organization = 'org_default') => {
  const send = (verb: string, name: string, body: string | readonly string[], query = '') => {
    const lines = typeof body !== 'string'
    const path = `/migration/collections/${name}/${verb}?organization=${organization}${query}`
    return admin('POST', path, lines ? body.join('\n') : body, { 'content-type': lines ? 'application/x-ndjson' : 'application/json' })
  }
  return {
    import: (name: string, body: string | readonly string[]) => send('import', name, body),
    compare: (name: string, body: string | readonly string[], query?: string) => send('compare', name, body, query),
    export: (name: string, query = '') => admin('GET', `/migration/collections/${name}/export?organization=${organization}${query}`),
    /** By the old service's equality, which is that of Postgres's jsonb. */
    equal: async (a: string, b: string) =>
      (await database.sql<{ equal: boolean }>('select $1::jsonb = $2::jsonb as equal', [a, b]))[0]?.equal,
  }
}

export const line = (key: string, value: unknown): string => JSON.stringify({ key, value })
