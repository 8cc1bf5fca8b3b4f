import { type Asks, bearer, each, type Keys, NEW, parsed, type Told } from './peer.ts'
import { fields, idOf, nameOf, PAGE } from './rows.ts'

/** Agents by the paths and answers that ours has, and the hand-written server too. */
export const agents = ({ reader, writer }: Keys): Omit<Asks, 'bulk' | 'made'> => ({
  get: (organization, n) => ({ method: 'GET', path: `/agents/${idOf(organization, n)}`, headers: bearer(reader) }),
  got: body => (parsed(body).id === undefined ? undefined : parsed(body)),
  list: { method: 'GET', path: `/agents?limit=${PAGE}`, headers: bearer(reader) },
  listed: body => parsed(body).items,
  create: { method: 'POST', path: '/agents', headers: bearer(writer), body: JSON.stringify(fields(NEW)) },
  created: parsed,
})

/** Agents have no route for many: in bulk ours makes records of a table with the same fields, which has an index over all of them besides. */
export const ours = (keys: Keys): Asks => {
  const body = JSON.stringify({ records: each(i => ({ data: { ...fields(nameOf(i)), status: 'active' } })) })
  return {
    ...agents(keys),
    bulk: () => ({ method: 'POST', path: '/database/tables/agents/records', headers: bearer(keys.writer), body }),
    made: answer => parsed(answer).items.map(({ id }: Told) => id),
  }
}

/** The table of those records. */
export const table = { columns: { name: 'string', industry: 'string', description: 'string', configuration: 'json', status: 'string' } }
