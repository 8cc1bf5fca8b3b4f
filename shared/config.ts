import { join } from 'node:path'
import type { Login } from './config.fields.ts'
import { Environment } from './environment.ts'
import type { Stage } from './migration/stage.ts'
import type { Place } from './objects/open.ts'

/** The whole configuration of a process, checked. Names are those of the environment, lower-cased. */
export type Config = {
  port: number
  host: string
  target: string
  dataDir: string
  database:
    | { kind: 'embedded' }
    | { kind: 'url'; url: string }
    | {
        kind: 'cloudsql'
        instance: string
        ipType: 'PRIVATE' | 'PUBLIC' | 'PSC'
        auth: 'IAM' | 'PASSWORD'
        name: string
        user: string
        passwordSecret: string | undefined
        /** Where the Cloud SQL Admin API is. */
        adminUrl: string
      }
  /** Whom a migration grants what. */
  logins: Login[]
  /** Connections of this process, requests that may wait for one, and how long a statement may run (ms). */
  pool: { size: number; queue: number; statementTimeout: number }
  adminKey: string | undefined
  /** The secret whose newest version is the admin key, in place of `adminKey` or after it. */
  adminKeySecret: string | undefined
  /** Secret Manager, and the project of secrets that are named without one. */
  secrets: { url: string; project: string | undefined }
  /**
   * Google service accounts that may call platform routes, the audiences their tokens must name, and where the signing keys are.
   * REMOVED: Cloud Run lets in nobody whose token it has not checked, and takes the signature away.
   */
  idTokens: { accounts: string[]; audiences: string[]; keysUrl: string; signatures: 'CHECK' | 'REMOVED' }
  /** Where the heads of the sealed audit are kept, beside the log. */
  auditHeads: Place | undefined
  redis: { url: string; token: string } | undefined
  /** The stage of a collection that the database has not met, and how long a process may rely on a stage or a lease. */
  migration: { first: Stage; validSeconds: number }
  /** Whole months that analytics events are kept after they occurred; undefined: for good. Their counts always are. */
  eventMonths: number | undefined
  /** Requests a key may make in a minute; 0 is no limit. */
  rateLimit: number
  /** Proxies of ours, each of which adds whom it heard to X-Forwarded-For, before the one that is the function's own. */
  proxies: number
  /** Who makes vectors of texts; with `none` callers bring them. `apiKeySecret` is a name in Secret Manager. */
  embeddings:
    | { provider: 'none' }
    | { provider: 'local' }
    | { provider: 'vertex'; url: string; model: string; dimensions: number }
    | { provider: 'openai'; url: string; model: string; dimensions: number | undefined; apiKeySecret: string | undefined }
  /** Days that a kept vector of a text stays after it was last used. */
  embeddingDays: number
  /** Who moves the money of new payment intents, and how Stripe is reached, where it is. */
  payments: { provider: 'manual' | 'stripe'; stripe: { url: string; apiKey: string; webhookSecret: string } | undefined }
  logLevel: 'debug' | 'info' | 'warning' | 'error' | 'silent'
  project: string | undefined
  /** Where metrics and traces are sent, what is said of this process, and which share of the requests without a traceparent is traced. */
  telemetry: { url: string; metadataUrl: string; resource: Record<string, string>; share: number } | undefined
}

/** A wrong environment: every wrong value by its name, in one message. */
export class ConfigError extends Error {}

/** What is parsed once in a process is not worth the code that zod would write for it. */
const ONCE = { jitless: true }

/** Reads the configuration. Throws ConfigError that names every wrong variable. */
// biome-ignore lint/style/noProcessEnv: the one place that reads the environment
export const readConfig = (environment: Record<string, string | undefined> = process.env): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(given, ONCE)
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  const env = parsed.data
  const database = databaseOf(env)
  return {
    port: env.PORT,
    host: env.HOST,
    target: env.FUNCTION_TARGET,
    dataDir: env.DATA_DIR,
    database,
    logins: env.DB_LOGINS,
    pool: { size: env.DB_POOL_SIZE, queue: env.DB_QUEUE_SIZE, statementTimeout: env.DB_STATEMENT_TIMEOUT_MS },
    adminKey: env.AGENTHUB_ADMIN_KEY,
    adminKeySecret: env.AGENTHUB_ADMIN_KEY_SECRET,
    secrets: { url: env.SECRET_MANAGER_API_URL, project: env.GOOGLE_CLOUD_PROJECT },
    idTokens: {
      accounts: env.ALLOWED_SERVICE_ACCOUNTS,
      audiences: env.ID_TOKEN_AUDIENCES,
      keysUrl: env.ID_TOKEN_KEYS_URL,
      signatures: env.ID_TOKEN_SIGNATURES,
    },
    auditHeads: auditHeadsOf(env, database),
    redis: redisOf(env),
    migration: { first: env.MIGRATION_INITIAL_STAGE, validSeconds: env.MIGRATION_STAGE_CACHE_SECONDS },
    eventMonths: env.EVENT_RETENTION_MONTHS,
    rateLimit: env.RATE_LIMIT_PER_MINUTE ?? (database.kind === 'embedded' ? 0 : 600),
    proxies: env.TRUSTED_PROXIES,
    embeddings: embeddingsOf(env, database),
    embeddingDays: env.EMBEDDING_RETENTION_DAYS,
    payments: paymentsOf(env),
    logLevel: env.LOG_LEVEL,
    project: env.GOOGLE_CLOUD_PROJECT,
    telemetry: telemetryOf(env),
  }
}

const databaseOf = (env: Environment): Config['database'] => {
  if (env.DATABASE_URL && env.INSTANCE_CONNECTION_NAME)
    throw new ConfigError('DATABASE_URL and INSTANCE_CONNECTION_NAME: set one of them, not both')
  if (env.DATABASE_URL) return { kind: 'url', url: env.DATABASE_URL }
  if (!env.INSTANCE_CONNECTION_NAME) {
    if (env.K_REVISION) throw new ConfigError('INSTANCE_CONNECTION_NAME or DATABASE_URL: a deployed function has no embedded database')
    return { kind: 'embedded' }
  }
  if (!env.DB_USER) throw new ConfigError('DB_USER: is needed with INSTANCE_CONNECTION_NAME')
  if (env.DB_AUTH === 'PASSWORD' && !env.DB_PASSWORD_SECRET) throw new ConfigError('DB_PASSWORD_SECRET: is needed with DB_AUTH=PASSWORD')
  return {
    kind: 'cloudsql',
    instance: env.INSTANCE_CONNECTION_NAME,
    ipType: env.DB_IP_TYPE,
    auth: env.DB_AUTH,
    name: env.DB_NAME,
    user: env.DB_USER,
    passwordSecret: env.DB_PASSWORD_SECRET,
    adminUrl: env.SQL_ADMIN_API_URL,
  }
}

const VERTEX_URL = 'https://us-central1-aiplatform.googleapis.com'
const OPENAI_URL = 'https://api.openai.com/v1'

const embeddingsOf = (env: Environment, { kind }: Config['database']): Config['embeddings'] => {
  const { EMBEDDING_URL: url, EMBEDDING_MODEL: model, EMBEDDING_DIMENSIONS: dimensions, EMBEDDING_API_KEY_SECRET: apiKeySecret } = env
  const provider = env.EMBEDDING_PROVIDER ?? (kind === 'embedded' ? 'local' : 'none')
  if (provider === 'local' && env.K_REVISION) throw new ConfigError('EMBEDDING_PROVIDER: the local model is not deployed')
  if (provider === 'vertex')
    return { provider, url: url ?? VERTEX_URL, model: model ?? 'gemini-embedding-001', dimensions: dimensions ?? 1536 }
  if (provider === 'openai') return { provider, url: url ?? OPENAI_URL, model: model ?? 'text-embedding-3-small', dimensions, apiKeySecret }
  return { provider }
}

const paymentsOf = (env: Environment): Config['payments'] => {
  const { PAYMENT_PROVIDER: provider, STRIPE_API_KEY: apiKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url } = env
  if ((apiKey === undefined) !== (webhookSecret === undefined))
    throw new ConfigError('STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET: set both or neither')
  const stripe = apiKey && webhookSecret ? { url: url.replace(/\/$/, ''), apiKey, webhookSecret } : undefined
  if (provider === 'stripe' && !stripe) throw new ConfigError('STRIPE_API_KEY: is needed with PAYMENT_PROVIDER=stripe')
  return { provider, stripe }
}

/** A bucket, or a folder beside an embedded database, whose machine is its own. */
const auditHeadsOf = (env: Environment, { kind }: Config['database']): Place | undefined => {
  const { AUDIT_HEAD_BUCKET: bucket, STORAGE_EMULATOR_HOST: storageUrl, GCE_METADATA_HOST: host } = env
  if (bucket !== undefined) return { kind: 'bucket', bucket, storageUrl, metadataUrl: `http://${host}` }
  return kind === 'embedded' ? { kind: 'folder', folder: join(env.DATA_DIR, 'audit-heads') } : undefined
}

const telemetryOf = (env: Environment): Config['telemetry'] => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_RESOURCE_ATTRIBUTES: attributes, OTEL_TRACES_SAMPLER_ARG: share } = env
  if (url === undefined) return undefined
  const given = attributes?.split(',').map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
  const resource = {
    'service.name': `agenthub-${env.FUNCTION_TARGET}`,
    ...(env.K_REVISION === undefined ? {} : { 'service.version': env.K_REVISION }),
    ...(env.GOOGLE_CLOUD_PROJECT === undefined ? {} : { 'gcp.project_id': env.GOOGLE_CLOUD_PROJECT }),
    ...Object.fromEntries(given ?? []),
  }
  return { url: url.replace(/\/$/, ''), metadataUrl: `http://${env.GCE_METADATA_HOST}`, resource, share }
}

const redisOf = (env: Environment): Config['redis'] => {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
  if (url === undefined && token === undefined) return undefined
  if (url === undefined || token === undefined)
    throw new ConfigError('UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: set both or neither')
  return { url, token }
}
