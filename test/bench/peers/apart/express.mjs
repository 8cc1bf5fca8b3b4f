/**
 * Agents by hand: express 5 and pg. A request is begin, authenticate (which sets the tenant), its statement and commit, each awaited:
 * four round trips. The key is checked by the same function of the database as ours, and every statement is prepared. It has
 * no limit of requests, no bounded queue, no ETag, no schema of its bodies (PostgreSQL's constraints check them) and no Idempotency-Key.
 */
import { hash, randomUUID } from 'node:crypto'
import express from 'express'
import { openPool } from './pool.mjs'

const columns = 'id, organization_id, name, industry, description, configuration, status, version, created_at, updated_at'
const statements = {
  get: `select ${columns} from agents where organization_id = $1 and id = $2 and deleted_at is null`,
  list: `select ${columns} from agents where organization_id = $1 and deleted_at is null order by created_at desc, id desc limit $2`,
  create: `insert into agents (organization_id, id, name, industry, description, configuration, status, version, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6::jsonb, 'active', nextval('row_version'), now(), now()) returning ${columns}`,
  bulk: `insert into agents (organization_id, id, name, industry, description, configuration, status, version, created_at, updated_at)
select $1, gen_random_uuid()::text, name, industry, description, configuration, 'active', nextval('row_version'), now(), now()
from jsonb_to_recordset($2::jsonb) as given (name text, industry text, description text, configuration jsonb)
returning id, version`,
}

const pool = openPool()

/** The organization that a key claims; whether it is so the database tells. */
const claimed = token => Buffer.from(/^ah_([\w-]+)_[\w-]{43}$/.exec(token)?.[1] ?? '', 'base64url').toString()

/** Runs one statement in the name of the request's key: its rows. */
const asTenant = async (request, role, name, ...values) => {
  const token = request.get('authorization')?.slice('Bearer '.length) ?? ''
  const organization = claimed(token)
  const client = await pool.connect()
  try {
    await client.query('begin')
    const asked = [organization, hash('sha256', token, 'buffer'), role, '{}']
    await client.query({ name: 'authenticate', text: 'select authenticate($1, $2, $3, $4)', values: asked })
    const { rows } = await client.query({ name, text: statements[name], values: [organization, ...values] })
    await client.query('commit')
    client.release()
    return rows
  } catch (error) {
    await client.query('rollback').then(
      () => client.release(),
      broken => client.release(broken),
    )
    throw error
  }
}

const app = express()
  .disable('x-powered-by')
  .disable('etag')
  .use(express.json({ limit: '10mb' }))

app.get('/agents/:id', async (request, response) => {
  const [agent] = await asTenant(request, 'viewer', 'get', request.params.id)
  if (agent) response.json(agent)
  else response.status(404).json({ title: 'Not found' })
})

app.get('/agents', async (request, response) => {
  const limit = Math.min(Number(request.query.limit ?? 50), 200)
  response.json({ items: await asTenant(request, 'viewer', 'list', limit) })
})

app.post('/agents', async ({ body }, response) => {
  const { name, industry = null, description = null, configuration = null } = body
  const values = [randomUUID(), name, industry, description, configuration && JSON.stringify(configuration)]
  const [agent] = await asTenant(response.req, 'member', 'create', ...values)
  response.status(201).json(agent)
})

app.post('/agents/bulk', async (request, response) => {
  response.status(201).json({ rows: await asTenant(request, 'member', 'bulk', JSON.stringify(request.body.agents)) })
})

const statuses = { AH401: 401, AH403: 403, 23502: 400, 23514: 400, 23505: 409 }

app.use((error, _request, response, _next) => {
  const status = statuses[error.code] ?? error.status ?? 500
  if (status === 500) console.error(error)
  response.status(status).json({ title: status === 500 ? 'Internal error' : error.message })
})

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
