/**
 * Parse Server 9 on the same PostgreSQL: a class Agent of its own with the same fields, its REST API with an application id and a REST key,
 * which it compares in memory. A tenant is a field and a filter, as applications of Parse without logins have it: nothing but the
 * filter keeps tenants apart, nothing is audited, and a read by id has no filter at all. All of that is in its favour.
 */
import express from 'express'
import { ParseServer } from 'parse-server'

const { DATABASE_URL, DB_POOL_SIZE, APPLICATION, REST_KEY, MASTER_KEY } = process.env
const everybody = { '*': true }
const agents = {
  className: 'Agent',
  fields: {
    organization_id: { type: 'String', required: true },
    name: { type: 'String', required: true },
    industry: { type: 'String' },
    description: { type: 'String' },
    configuration: { type: 'Object' },
    status: { type: 'String' },
  },
  classLevelPermissions: { find: everybody, get: everybody, create: everybody, update: everybody, delete: everybody },
}

const parse = new ParseServer({
  databaseURI: `${DATABASE_URL}?max=${DB_POOL_SIZE}`,
  appId: APPLICATION,
  restAPIKey: REST_KEY,
  masterKey: MASTER_KEY,
  serverURL: 'http://127.0.0.1/parse',
  schema: { definitions: [agents], strict: true, lockSchemas: true },
  allowClientClassCreation: false,
  maxUploadSize: '20mb',
  silent: true,
  logsFolder: null,
})
await parse.start()
const server = express()
  .disable('x-powered-by')
  .use('/parse', parse.app)
  .listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
