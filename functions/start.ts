/** `npm start`: the configured function (the gateway) on functions-framework's server, with words for whoever started it. */
import { resolve } from 'node:path'
import { http } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { adminKeyFile, adminKeyOf } from '../shared/adminkey.ts'
import { type Config, ConfigError, readConfig } from '../shared/config.ts'
import { DirectoryLocked } from '../shared/db/lock.ts'
import { makeFunction, migrationsDir } from './main.ts'

const start = async (): Promise<void> => {
  const config = readConfig()
  http(config.target, await makeFunction(config, migrationsDir))
  const server = getTestServer(config.target)
  server.setTimeout(0)
  await new Promise<void>((listening, failed) => server.once('error', failed).listen(config.port, config.host, listening))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  process.stdout.write(await welcome(config, `http://${config.host}:${port}`))
}

const welcome = async (config: Config, url: string): Promise<string> => {
  const embedded = config.database.kind === 'embedded'
  const folder = resolve(config.dataDir)
  const data = `${folder} (embedded PostgreSQL; start afresh: stop, then rm -r ${quoted(folder)})`
  return `
AgentHub storage (${config.target}) is ready at ${url}
  docs      ${url}${config.target === 'gateway' ? '/docs' : '/openapi.json'}
  data      ${embedded ? data : 'the configured server'}
  admin key ${embedded ? await adminKeyOf(config) : 'as configured'}
${config.target === 'gateway' ? tour(config, url) : ''}
`
}

/** One word of a shell, whatever is in it. */
const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** First steps for a terminal of any folder: only the gateway has all that they need. */
const tour = (config: Config, url: string): string => {
  const made = config.database.kind === 'embedded' && config.adminKey === undefined
  const key = made ? `$(cat ${quoted(resolve(adminKeyFile(config.dataDir)))})` : '$AGENTHUB_ADMIN_KEY'
  return `
Paste this whole; it makes an organization, keeps its key, creates an agent and reads it:

  export ADMIN_KEY=${key}
  export KEY=$(curl -s ${url}/organizations -H "Authorization: Bearer $ADMIN_KEY" -H 'Content-Type: application/json' -d '{"name":"Acme"}' | sed 's/.*"secret":"\\([^"]*\\)".*/\\1/')
  export AGENT=$(curl -s ${url}/agents -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"name":"Concierge"}' | sed 's/.*"id":"\\([^"]*\\)","org.*/\\1/')
  curl -i ${url}/agents/$AGENT -H "Authorization: Bearer $KEY"
`
}

start().catch((error: Error & { code?: string; port?: number }) => {
  const expected = error instanceof ConfigError || error instanceof DirectoryLocked
  if (error.code === 'EADDRINUSE')
    console.error(`Port ${error.port} is busy: choose another with PORT=8081 npm start (PORT=0 takes any free one)`)
  else console.error(expected ? error.message : error)
  process.exit(1)
})
