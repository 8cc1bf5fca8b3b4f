import { join } from 'node:path'
import { z } from 'zod'
import { count, type Login, list, logins, OPENAI_URL, port, VERTEX_URL } from './config.fields.ts'
import { type Stage, stages } from './migration/stage.ts'
import type { Place } from './objects/open.ts'

const Environment = z.object({
  PORT: port.default(8080),
  HOST: z.string().default('127.0.0.1'),
  FUNCTION_TARGET: z.string().default('gateway'),
  DATA_DIR: z.string().default('.data'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
    .optional(),
  INSTANCE_CONNECTION_NAME: z
    .string()
    .regex(/^[^:]+(:[^:]+)?:[^:]+:[^:]+$/, 'must be project:region:instance')
    .optional(),
  DB_IP_TYPE: z.enum(['PRIVATE', 'PUBLIC', 'PSC']).default('PRIVATE'),
  DB_AUTH: z.enum(['IAM', 'PASSWORD']).default('IAM'),
  DB_NAME: z.string().default('agenthub'),
  DB_USER: z.string().optional(),
  DB_PASSWORD_SECRET: z.string().optional(),
  DB_LOGINS: logins.default([]),
  DB_POOL_SIZE: count(1, 100).default(5),
  DB_QUEUE_SIZE: count(0, 100_000).default(500),
  DB_STATEMENT_TIMEOUT_MS: count(10, 600_000).default(5000),
  AGENTHUB_ADMIN_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  ALLOWED_SERVICE_ACCOUNTS: list.default([]),
  ID_TOKEN_AUDIENCES: list.default([]),
  ID_TOKEN_SIGNATURES: z.enum(['CHECK', 'REMOVED']).default('CHECK'),
  ID_TOKEN_KEYS_URL: z.url().default('https://www.googleapis.com/oauth2/v3/certs'),
  AUDIT_HEAD_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](\/[\w.-]+)*$/, 'must be the name of a bucket, or bucket/folder')
    .optional(),
  STORAGE_EMULATOR_HOST: z.url().default('https://storage.googleapis.com'),
  GCE_METADATA_HOST: z.string().default('metadata.google.internal'),
  UPSTASH_REDIS_REST_URL: z.url().optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().optional(),
  MIGRATION_INITIAL_STAGE: z.enum(stages).default('complete'),
  MIGRATION_STAGE_CACHE_SECONDS: count(1, 3600).default(30),
  EVENT_RETENTION_MONTHS: count(1, 1200).optional(),
  RATE_LIMIT_PER_MINUTE: count(0, 1_000_000).optional(),
  EMBEDDING_PROVIDER: z.enum(['local', 'vertex', 'openai', 'none']).optional(),
  EMBEDDING_URL: z.url().optional(),
  EMBEDDING_MODEL: z.string().min(1).max(200).optional(),
  EMBEDDING_DIMENSIONS: count(1, 1536).optional(),
  EMBEDDING_API_KEY_SECRET: z.string().optional(),
  PAYMENT_PROVIDER: z.enum(['manual', 'stripe']).default('manual'),
  STRIPE_API_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: z.url().default('https://api.stripe.com'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warning', 'error', 'silent']).default('info'),
  GOOGLE_CLOUD_PROJECT: z.string().optional(),
  K_REVISION: z.string().optional(),
})

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
      }
  /** Whom a migration grants what. */
  logins: Login[]
  /** Connections of this process, requests that may wait for one, and how long a statement may run (ms). */
  pool: { size: number; queue: number; statementTimeout: number }
  adminKey: string | undefined
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
  /** Who makes vectors of texts; with `none` callers bring them. `apiKeySecret` is a name in Secret Manager. */
  embeddings:
    | { provider: 'none' }
    | { provider: 'local' }
    | { provider: 'vertex'; url: string; model: string; dimensions: number }
    | { provider: 'openai'; url: string; model: string; dimensions: number | undefined; apiKeySecret: string | undefined }
  /** Who moves the money of new payment intents, and how Stripe is reached, where it is. */
  payments: { provider: 'manual' | 'stripe'; stripe: { url: string; apiKey: string; webhookSecret: string } | undefined }
  logLevel: 'debug' | 'info' | 'warning' | 'error' | 'silent'
  project: string | undefined
}

/** A wrong environment: every wrong value by its name, in one message. */
export class ConfigError extends Error {}

/** Reads the configuration. Throws ConfigError that names every wrong variable. */
// biome-ignore lint/style/noProcessEnv: the one place that reads the environment
export const readConfig = (environment: Record<string, string | undefined> = process.env): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(given)
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
    embeddings: embeddingsOf(env, database),
    payments: paymentsOf(env),
    logLevel: env.LOG_LEVEL,
    project: env.GOOGLE_CLOUD_PROJECT,
  }
}

const databaseOf = (env: z.infer<typeof Environment>): Config['database'] => {
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
  }
}

const embeddingsOf = (env: z.infer<typeof Environment>, { kind }: Config['database']): Config['embeddings'] => {
  const { EMBEDDING_URL: url, EMBEDDING_MODEL: model, EMBEDDING_DIMENSIONS: dimensions, EMBEDDING_API_KEY_SECRET: apiKeySecret } = env
  const provider = env.EMBEDDING_PROVIDER ?? (kind === 'embedded' ? 'local' : 'none')
  if (provider === 'local' && env.K_REVISION) throw new ConfigError('EMBEDDING_PROVIDER: the local model is not deployed')
  if (provider === 'vertex')
    return { provider, url: url ?? VERTEX_URL, model: model ?? 'gemini-embedding-001', dimensions: dimensions ?? 1536 }
  if (provider === 'openai') return { provider, url: url ?? OPENAI_URL, model: model ?? 'text-embedding-3-small', dimensions, apiKeySecret }
  return { provider }
}

const paymentsOf = (env: z.infer<typeof Environment>): Config['payments'] => {
  const { PAYMENT_PROVIDER: provider, STRIPE_API_KEY: apiKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url } = env
  if ((apiKey === undefined) !== (webhookSecret === undefined))
    throw new ConfigError('STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET: set both or neither')
  const stripe = apiKey && webhookSecret ? { url: url.replace(/\/$/, ''), apiKey, webhookSecret } : undefined
  if (provider === 'stripe' && !stripe) throw new ConfigError('STRIPE_API_KEY: is needed with PAYMENT_PROVIDER=stripe')
  return { provider, stripe }
}

/** A bucket, or a folder beside an embedded database, whose machine is its own. */
const auditHeadsOf = (env: z.infer<typeof Environment>, { kind }: Config['database']): Place | undefined => {
  const { AUDIT_HEAD_BUCKET: bucket, STORAGE_EMULATOR_HOST: storageUrl, GCE_METADATA_HOST: host } = env
  if (bucket !== undefined) return { kind: 'bucket', bucket, storageUrl, metadataUrl: `http://${host}` }
  return kind === 'embedded' ? { kind: 'folder', folder: join(env.DATA_DIR, 'audit-heads') } : undefined
}

const redisOf = (env: z.infer<typeof Environment>): Config['redis'] => {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env
  if (url === undefined && token === undefined) return undefined
  if (url === undefined || token === undefined)
    throw new ConfigError('UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: set both or neither')
  return { url, token }
}
