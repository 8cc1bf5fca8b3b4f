import { expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../shared/config.ts'

const complaint = (environment: Record<string, string>): string => {
  try {
    readConfig(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  return ''
}

test('an empty environment is the embedded gateway on port 8080, without a limit', () => {
  expect(readConfig({})).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    target: 'gateway',
    dataDir: '.data',
    database: { kind: 'embedded' },
    pool: { size: 5, queue: 500, statementTimeout: 5000 },
    adminKey: undefined,
    rateLimit: 0,
    logLevel: 'info',
  })
  expect(readConfig({ PORT: '', DATABASE_URL: '' }).port).toBe(8080)
})

test.each([
  ['PORT', 'http'],
  ['PORT', '65536'],
  ['PORT', '80.5'],
  ['DATABASE_URL', 'mysql://x'],
  ['INSTANCE_CONNECTION_NAME', 'instance'],
  ['DB_IP_TYPE', 'private'],
  ['DB_AUTH', 'NONE'],
  ['DB_POOL_SIZE', '0'],
  ['DB_QUEUE_SIZE', '-1'],
  ['DB_STATEMENT_TIMEOUT_MS', '5s'],
  ['AGENTHUB_ADMIN_KEY', 'short'],
  ['AUDIT_HEAD_BUCKET', 'gs://heads'],
  ['STORAGE_EMULATOR_HOST', 'localhost'],
  ['ID_TOKEN_KEYS_URL', 'certs'],
  ['SQL_ADMIN_API_URL', 'sqladmin'],
  ['SECRET_MANAGER_API_URL', 'secrets'],
  ['ID_TOKEN_SIGNATURES', 'NONE'],
  ['UPSTASH_REDIS_REST_URL', 'redis'],
  ['RATE_LIMIT_PER_MINUTE', 'many'],
  ['EMBEDDING_RETENTION_DAYS', '7'],
  ['LOG_LEVEL', 'loud'],
])('a wrong %s (%s) is named', (name, value) => {
  expect(complaint({ [name]: value }).split('\n')).toEqual([expect.stringMatching(`^${name}: .`)])
})

test('every wrong value is named in one message', () => {
  const message = complaint({ PORT: 'x', LOG_LEVEL: 'loud', DB_POOL_SIZE: '1000', HOST: 'fine' })
  expect(message.split('\n').map(line => line.split(':')[0])).toEqual(['PORT', 'DB_POOL_SIZE', 'LOG_LEVEL'])
})

test('logins come with the roles that they may become, and with no other', () => {
  expect(readConfig({ DB_LOGINS: 'a@p.iam=agenthub_app, j@p.iam=agenthub_app+agenthub_jobs' }).logins).toEqual([
    { login: 'a@p.iam', roles: ['agenthub_app'] },
    { login: 'j@p.iam', roles: ['agenthub_app', 'agenthub_jobs'] },
  ])
  expect(complaint({ DB_LOGINS: 'a@p.iam=agenthub_owner' })).toMatch(/^DB_LOGINS/)
  expect(complaint({ DB_LOGINS: 'a@p.iam' })).toMatch(/^DB_LOGINS/)
})

test('no message repeats a secret', () => {
  expect(complaint({ AGENTHUB_ADMIN_KEY: 'hunter2' })).not.toContain('hunter2')
  expect(complaint({ DATABASE_URL: 'mysql://u:hunter2@h' })).not.toContain('hunter2')
})

const INSTANCE = 'project:region:instance'
test.each<[Record<string, string>, string[]]>([
  [{ DATABASE_URL: 'postgres://h/d', INSTANCE_CONNECTION_NAME: INSTANCE }, ['DATABASE_URL', 'INSTANCE_CONNECTION_NAME']],
  [{ INSTANCE_CONNECTION_NAME: INSTANCE }, ['DB_USER']],
  [{ INSTANCE_CONNECTION_NAME: INSTANCE, DB_USER: 'u', DB_AUTH: 'PASSWORD' }, ['DB_PASSWORD_SECRET']],
  [{ UPSTASH_REDIS_REST_URL: 'https://r.example' }, ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN']],
  [{ UPSTASH_REDIS_REST_TOKEN: 't' }, ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN']],
  [{ K_REVISION: 'agents-1' }, ['INSTANCE_CONNECTION_NAME', 'DATABASE_URL']],
])('what does not go together in %j is named', (environment, names) => {
  for (const name of names) expect(complaint(environment)).toContain(name)
})

test('a server has a limit of requests unless told otherwise, and an embedded engine has none', () => {
  expect(readConfig({ DATABASE_URL: 'postgresql://h/d' })).toMatchObject({ rateLimit: 600, database: { kind: 'url' } })
  expect(readConfig({ DATABASE_URL: 'postgres://h/d', RATE_LIMIT_PER_MINUTE: '0' }).rateLimit).toBe(0)
  expect(readConfig({ RATE_LIMIT_PER_MINUTE: '7' }).rateLimit).toBe(7)
})

test('heads of the audit go to the bucket that is named, or beside an embedded database', () => {
  expect(readConfig({ DATA_DIR: 'here' }).auditHeads).toEqual({ kind: 'folder', folder: 'here/audit-heads' })
  expect(readConfig({ DATABASE_URL: 'postgres://x' }).auditHeads).toBeUndefined()
  expect(readConfig({ DATABASE_URL: 'postgres://x', AUDIT_HEAD_BUCKET: 'heads/of/audit' }).auditHeads).toEqual({
    kind: 'bucket',
    bucket: 'heads/of/audit',
    storageUrl: 'https://storage.googleapis.com',
    metadataUrl: 'http://metadata.google.internal',
  })
})

test('a whole Cloud SQL configuration is read, lists with their spaces taken off', () => {
  const config = readConfig({
    INSTANCE_CONNECTION_NAME: `domain.example:${INSTANCE}`,
    DB_USER: 'u',
    DB_AUTH: 'PASSWORD',
    DB_PASSWORD_SECRET: 's',
    DB_IP_TYPE: 'PSC',
    ALLOWED_SERVICE_ACCOUNTS: ' a@x , ,b@x,',
  })
  expect(config.database).toEqual({
    kind: 'cloudsql',
    instance: `domain.example:${INSTANCE}`,
    ipType: 'PSC',
    auth: 'PASSWORD',
    name: 'agenthub',
    user: 'u',
    passwordSecret: 's',
    adminUrl: 'https://sqladmin.googleapis.com',
  })
  expect(config.idTokens.accounts).toEqual(['a@x', 'b@x'])
})

test('the local model makes vectors beside the embedded database; a server has a provider where one is named', () => {
  const of = (environment: Record<string, string>) => readConfig(environment).embeddings
  const server = { DATABASE_URL: 'postgres://x' }
  expect([of({}), of(server), of({ EMBEDDING_PROVIDER: 'none' })]).toEqual([
    { provider: 'local' },
    { provider: 'none' },
    { provider: 'none' },
  ])
  expect(of({ ...server, EMBEDDING_PROVIDER: 'vertex' })).toEqual({
    provider: 'vertex',
    url: 'https://us-central1-aiplatform.googleapis.com',
    model: 'gemini-embedding-001',
    dimensions: 1536,
  })
  const own = { EMBEDDING_URL: 'http://127.0.0.1:11434/v1', EMBEDDING_MODEL: 'nomic-embed-text', EMBEDDING_DIMENSIONS: '768' }
  expect(of({ EMBEDDING_PROVIDER: 'openai', ...own, EMBEDDING_API_KEY_SECRET: 'the-key' })).toEqual({
    provider: 'openai',
    url: own.EMBEDDING_URL,
    model: 'nomic-embed-text',
    dimensions: 768,
    apiKeySecret: 'the-key',
  })
})

test('the local model is not deployed, and wrong settings of providers are told', () => {
  expect(complaint({ DATABASE_URL: 'postgres://x', K_REVISION: 'r', EMBEDDING_PROVIDER: 'local' })).toContain('EMBEDDING_PROVIDER')
  expect(complaint({ EMBEDDING_PROVIDER: 'remote' })).toContain('EMBEDDING_PROVIDER')
  expect(complaint({ EMBEDDING_URL: 'nowhere' })).toContain('EMBEDDING_URL')
  expect(complaint({ EMBEDDING_DIMENSIONS: '1537' })).toContain('EMBEDDING_DIMENSIONS')
})
