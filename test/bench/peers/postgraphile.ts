import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ask, bearer, each, type Keys, NEW, type Peer, parsed, type Told } from './peer.ts'
import { fields, idOf, nameOf, PAGE, READER, WRITER } from './rows.ts'

const selection = '{ rowId organizationId name industry description configuration status version createdAt updatedAt }'

/** What it is told of before, by id. The bulk is 1,000 mutations in one, each an alias with a variable of its own. */
const operations = {
  get: `query ($organization: String!, $id: String!) { agentByOrganizationIdAndRowId(organizationId: $organization, rowId: $id) ${selection} }`,
  list: `query ($limit: Int!) { allAgents(condition: { deletedAt: null }, orderBy: CREATED_AT_DESC, first: $limit) { nodes ${selection} } }`,
  create: `mutation ($agent: AgentInput!) { createAgent(input: { agent: $agent }) { agent ${selection} } }`,
  bulk: `mutation (${each(i => `$a${i}: AgentInput!`).join(' ')}) {
${each(i => `a${i}: createAgent(input: { agent: $a${i} }) { agent { rowId version } }`).join('\n')}
}`,
}

type GraphAgent = { rowId: string; organizationId: string; name: string }
const told = ({ rowId, organizationId, name }: GraphAgent): Told => ({ id: rowId, organization_id: organizationId, name })

/** Our table has no defaults: the caller sends what ours and the hand-written server fill in. */
const agent = (rowId: string, name: string) => {
  const at = '2026-02-01T00:00:00Z'
  return { organizationId: WRITER, rowId, ...fields(name), status: 'active', version: '1', createdAt: at, updatedAt: at }
}

/** PostGraphile 5 on our table (apart/postgraphile.mjs). `run` keeps the ids of one phase from those of another. */
export const postgraphile = (keys: Keys, run: string): Peer => {
  const ask = (documentId: keyof typeof operations, key: string, variables: object): Ask => ({
    method: 'POST',
    path: '/graphql',
    headers: bearer(key),
    body: JSON.stringify({ documentId, variables }),
  })
  return {
    name: 'PostGraphile 5',
    script: 'postgraphile.mjs',
    environment: ({ database, pool, folder }) => {
      const file = join(folder, 'operations.json')
      writeFileSync(file, JSON.stringify(operations))
      const known = { [hash('sha256', keys.reader)]: READER, [hash('sha256', keys.writer)]: WRITER }
      return { DATABASE_URL: database, DB_POOL_SIZE: String(pool), OPERATIONS: file, KEYS: JSON.stringify(known) }
    },
    isolates: true,
    asks: {
      get: (organization, n) => ask('get', keys.reader, { organization, id: idOf(organization, n) }),
      got: body => {
        const found = parsed(body).data.agentByOrganizationIdAndRowId
        return found ? told(found) : undefined
      },
      list: ask('list', keys.reader, { limit: PAGE }),
      listed: body => parsed(body).data.allAgents.nodes.map(told),
      create: ask('create', keys.writer, { agent: agent(`${run} [<id>]`, NEW) }),
      created: body => told(parsed(body).data.createAgent.agent),
      bulk: n => ask('bulk', keys.writer, Object.fromEntries(each(i => [`a${i}`, agent(`${run} ${n} ${i}`, nameOf(i))]))),
      made: body => Object.values(parsed(body).data as Record<string, { agent: GraphAgent }>).map(done => done.agent.rowId),
    },
  }
}
