import { fileURLToPath } from 'node:url'
import { makeIsAdmin } from '../shared/adminkey.ts'
import { type Config, ConfigError } from '../shared/config.ts'
import { takeOverBodies } from '../shared/http/body.ts'
import { makeVerifier } from '../shared/http/credentials.ts'
import { makeCursors } from '../shared/http/cursor.ts'
import { drainOnSignal } from '../shared/http/drain.ts'
import type { HttpFunction } from '../shared/http/route.ts'
import { type Handler, makeServe } from '../shared/http/serve.ts'
import { openSecret } from '../shared/secrets.ts'
import { makeShared, type Shared } from '../shared/shared.ts'

export const migrationsDir = fileURLToPath(new URL('../sql', import.meta.url))

/** One function a domain, and the gateway: only the one that this process is gets imported. */
const loaders: Record<string, () => Promise<(shared: Shared) => HttpFunction | HttpFunction[]>> = {
  gateway: async () => (await import('./gateway/index.ts')).makeGateway,
  organizations: async () => (await import('./organizations/index.ts')).makeOrganizations,
  agents: async () => (await import('./agents/index.ts')).makeAgents,
  analytics: async () => (await import('./analytics/index.ts')).makeAnalytics,
  conversations: async () => (await import('./conversations/index.ts')).makeConversations,
  knowledge: async () => (await import('./knowledge/index.ts')).makeKnowledge,
  rag: async () => (await import('./rag/index.ts')).makeRag,
  payments: async () => (await import('./payments/index.ts')).makePayments,
  database: async () => (await import('./database/index.ts')).makeDatabaseFunction,
  migration: async () => (await import('./migration/index.ts')).makeMigration,
  jobs: async () => (await import('./jobs/index.ts')).makeJobs,
  schema: async () => (await import('./schema/index.ts')).makeSchema(migrationsDir),
  audit: async () => (await import('./audit/index.ts')).makeAudit,
}

/** The names of all functions. */
export const targets = Object.keys(loaders)

/** Throws ConfigError for a target that there is not. */
const loaderOf = (target: string) => {
  const load = loaders[target]
  if (!load) throw new ConfigError(`FUNCTION_TARGET: must be one of ${targets.join(', ')}`)
  return load
}

/** The functions of a target over what they share, and the handler that serves them. */
export const assemble = async (
  target: string,
  shared: Shared,
  clock: () => number = Date.now,
): Promise<{ functions: HttpFunction[]; serve: Handler }> => {
  const make = await loaderOf(target)()
  const functions = [make(shared)].flat()
  const { config, db, adminKey, count, log, metrics, traces } = shared
  const serve = makeServe(functions, {
    db,
    isAdmin: makeIsAdmin(
      adminKey,
      config.adminKeySecret === undefined ? undefined : openSecret(config.adminKeySecret, config.secrets),
      log,
    ),
    count,
    log,
    metrics,
    traces,
    clock,
    cursors: makeCursors(adminKey),
    verifyIdToken: makeVerifier(config.idTokens),
    rateLimit: config.rateLimit,
    proxies: config.proxies,
    admitted: config.pool.size + config.pool.queue,
  })
  return { functions, serve }
}

/** The handler of a whole process, which drains on SIGTERM. */
export const makeFunction = async (config: Config, migrations: string): Promise<Handler> => {
  loaderOf(config.target) // before a database is opened for it
  const shared = await makeShared(config, migrations)
  void shared.db.ready() // connects while the rest still loads: the first request finds a connection
  drainOnSignal(takeOverBodies(), shared.close, shared.log)
  return (await assemble(config.target, shared)).serve
}
