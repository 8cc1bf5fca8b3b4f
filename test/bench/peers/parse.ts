import { join } from 'node:path'
import { each, json, NEW, type Peer, parsed, type Told } from './peer.ts'
import { fields, idOf, nameOf, PAGE, READER, WRITER } from './rows.ts'

const APPLICATION = 'agenthub'
const REST_KEY = 'a-rest-key-of-the-benches'
const MASTER_KEY = 'a-master-key-of-the-benches'
const path = '/parse/classes/Agent'

type ParseAgent = { objectId: string; organization_id: string; name: string }
const told = ({ objectId, organization_id, name }: ParseAgent): Told => ({ id: objectId, organization_id, name })
const agent = (name: string) => ({ organization_id: WRITER, ...fields(name), status: 'active' })

/** Parse Server 9 on a database of its own (apart/parse.mjs). In bulk, one batch in one transaction: faster than without, and than batches of 50. */
export const parse = (): Peer => {
  const headers = { 'x-parse-application-id': APPLICATION, 'x-parse-rest-api-key': REST_KEY, ...json }
  const where = encodeURIComponent(JSON.stringify({ organization_id: READER }))
  const body = JSON.stringify({ transaction: true, requests: each(i => ({ method: 'POST', path, body: agent(nameOf(i)) })) })
  return {
    name: 'Parse Server 9',
    script: 'parse.mjs',
    environment: ({ database, pool, folder }) => ({
      PARSE_SERVER_LOGS_FOLDER: join(folder, 'logs'), // before it reads its own setting it would write to where it was started
      DATABASE_URL: database,
      DB_POOL_SIZE: String(pool),
      APPLICATION,
      REST_KEY,
      MASTER_KEY,
    }),
    isolates: false,
    asks: {
      get: (organization, n) => ({ method: 'GET', path: `${path}/${idOf(organization, n)}`, headers }),
      got: answer => told(parsed(answer)),
      list: { method: 'GET', path: `${path}?where=${where}&order=-createdAt&limit=${PAGE}`, headers },
      listed: answer => parsed(answer).results.map(told),
      create: { method: 'POST', path, headers, body: JSON.stringify(agent(NEW)) },
      created: answer => ({ id: parsed(answer).objectId, organization_id: WRITER, name: NEW }), // it tells no more than an id and a time
      bulk: () => ({ method: 'POST', path: '/parse/batch', headers, body }),
      made: answer => parsed(answer).map(({ success }: { success: ParseAgent }) => success.objectId),
    },
  }
}
