/**
 * PostGraphile 5 as its documentation sets it up: the Amber preset on its own node:http server, the tenant in pgSettings, row-level security
 * on the same table. Operations are persisted (OPERATIONS: a JSON file of id -> text), so that no request sends or parses one.
 * A key is told by its SHA-256 in memory (KEYS: JSON of hash -> organization) instead of in the database, which ours does: that is in
 * PostGraphile's favour, for its pgSettings have no round trip of their own.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import persisted from '@grafserv/persisted'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { pgSmartTags } from 'postgraphile/utils'
import { openPool } from './pool.mjs'

const keys = new Map(Object.entries(JSON.parse(process.env.KEYS)))

/** What a list of live agents, newest first, cannot do without (neither column leads an index); and nothing but this table. */
const tags = pgSmartTags([
  { kind: 'attribute', match: 'agents.created_at', tags: { behavior: '+orderBy' } },
  { kind: 'attribute', match: 'agents.deleted_at', tags: { behavior: '+filterBy' } },
  { kind: 'class', match: ({ relname }) => relname !== 'agents', tags: { behavior: '-*' } },
  { kind: 'procedure', match: () => true, tags: { behavior: '-*' } },
])

const pgSettingsOf = request => {
  const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
  const organization = keys.get(hash('sha256', token))
  if (organization === undefined) throw Object.assign(new Error('the key is unknown'), { statusCode: 401 })
  return { 'app.organization_id': organization, 'app.actor': 'key' }
}

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [persisted.PersistedPlugin, tags],
  pgServices: [makePgService({ pool: openPool(), schemas: ['public'] })],
  grafast: { explain: false, context: ({ node }) => ({ pgSettings: pgSettingsOf(node.req) }) },
  grafserv: {
    graphiql: false,
    watch: false,
    maxRequestLength: 20_000_000,
    persistedOperations: JSON.parse(readFileSync(process.env.OPERATIONS, 'utf8')),
  },
})
const server = createServer()
await instance.createServ(grafserv).addTo(server)
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
