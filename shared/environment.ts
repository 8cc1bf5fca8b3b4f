import { z } from 'zod'
import { count, list, logins, port } from './config.fields.ts'
import { stages } from './migration/stage.ts'

/** The variables that a process is told by: their forms, and what they are when they are not given. An empty one counts as absent. */
export const Environment = z.object({
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
  SQL_ADMIN_API_URL: z.url().default('https://sqladmin.googleapis.com'),
  SECRET_MANAGER_API_URL: z.url().default('https://secretmanager.googleapis.com'),
  DB_LOGINS: logins.default([]),
  DB_POOL_SIZE: count(1, 100).default(5),
  DB_QUEUE_SIZE: count(0, 100_000).default(500),
  DB_STATEMENT_TIMEOUT_MS: count(10, 600_000).default(5000),
  AGENTHUB_ADMIN_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  AGENTHUB_ADMIN_KEY_SECRET: z.string().optional(),
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
  // whoever holds a memory asks after 0.8 of it, and a wish of an operator is forgotten after a minute (sql/007)
  MIGRATION_STAGE_CACHE_SECONDS: count(1, 75).default(30),
  EVENT_RETENTION_MONTHS: count(1, 1200).optional(),
  RATE_LIMIT_PER_MINUTE: count(0, 1_000_000).optional(),
  TRUSTED_PROXIES: count(0, 10).default(0),
  EMBEDDING_PROVIDER: z.enum(['local', 'vertex', 'openai', 'none']).optional(),
  EMBEDDING_URL: z.url().optional(),
  EMBEDDING_MODEL: z.string().min(1).max(200).optional(),
  EMBEDDING_DIMENSIONS: count(1, 1536).optional(),
  EMBEDDING_API_KEY_SECRET: z.string().optional(),
  EMBEDDING_RETENTION_DAYS: count(30, 36_500).default(90),
  PAYMENT_PROVIDER: z.enum(['manual', 'stripe']).default('manual'),
  STRIPE_API_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: z.url().default('https://api.stripe.com'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warning', 'error', 'silent']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  OTEL_RESOURCE_ATTRIBUTES: z
    .string()
    .regex(/^[\w.-]+=[^,]*(,[\w.-]+=[^,]*)*$/, 'must be name=value,name=value')
    .optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(0.01),
  GOOGLE_CLOUD_PROJECT: z.string().optional(),
  K_REVISION: z.string().optional(),
})
export type Environment = z.infer<typeof Environment>
