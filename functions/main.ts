import { fileURLToPath } from 'node:url'
import { makeIsAdmin } from '../shared/adminkey.ts'
import { type Config, ConfigError } from '../shared/config.ts'
import { takeOverBodies } from '../shared/http/body.ts'
import { makeVerifier } from '../shared/http/credentials.ts'
import { makeCursors } from '../shared/http/cursor.ts'
import { drainOnSignal } from '../shared/http/drain.ts'
import { loaded, type Served } from '../shared/http/route.ts'
import { type Handler, makeServe } from '../shared/http/serve.ts'
import { openSecret } from '../shared/secrets.ts'
import { type Load, makeShared, type Shared } from '../shared/shared.ts'

export const migrationsDir = fileURLToPath(new URL('../sql', import.meta.url))

/** One function a domain, in the order in which the gateway describes them: only what this process serves is imported. */
const domains: Record<string, Load> = {
  organizations: async () => (await import('./organizations/index.ts')).makeOrganizations,
  agents: async () => (await import('./agents/index.ts')).makeAgents,
  conversations: async () => (await import('./conversations/index.ts')).makeConversations,
  payments: async () => (await import('./payments/index.ts')).makePayments,
  analytics: async () => (await import('./analytics/index.ts')).makeAnalytics,
  database: async () => (await import('./database/index.ts')).makeDatabaseFunction,
  knowledge: async () => (await import('./knowledge/index.ts')).makeKnowledge,
  rag: async () => (await import('./rag/index.ts')).makeRag,
  audit: async () => (await import('./audit/index.ts')).makeAudit,
  jobs: async () => (await import('./jobs/index.ts')).makeJobs,
  migration: async () => (await import('./migration/index.ts')).makeMigration,
}

const alone: Record<string, Load> = {
  ...domains,
  schema: async () => (await import('./schema/index.ts')).makeSchema(migrationsDir),
}

const GATEWAY = 'gateway'

/** The names of all functions. */
export const targets = [GATEWAY, ...Object.keys(alone)]

/** The folders whose code a target loads, sooner or later. */
export const partsOf = (target: string): string[] => (target === GATEWAY ? [GATEWAY, ...Object.keys(domains)] : [target])

/** What makes the functions of a target. Throws ConfigError for a target that there is not. */
const makerOf = (target: string): ((shared: Shared) => Promise<Served[]>) => {
  if (target === GATEWAY) return async shared => (await import('./gateway/index.ts')).makeGateway(shared, domains)
  const load = alone[target]
  if (!load) throw new ConfigError(`FUNCTION_TARGET: must be one of ${targets.join(', ')}`)
  return async shared => [loaded((await load())(shared))]
}

/** The functions of a target over what they share, and the handler that serves them. */
export const assemble = async (
  target: string,
  shared: Shared,
  clock: () => number = Date.now,
): Promise<{ functions: Served[]; serve: Handler }> => {
  const functions = await makerOf(target)(shared)
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
  makerOf(config.target) // before a database is opened for it
  const shared = await makeShared(config, migrations)
  shared.db.open() // while the rest still loads
  drainOnSignal(takeOverBodies(), shared.close, shared.log)
  return (await assemble(config.target, shared)).serve
}
