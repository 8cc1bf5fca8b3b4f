import { counterCollection } from '../../functions/agents/collections.ts'
import type { CounterStore } from '../../functions/agents/store.ts'
import { doOnce } from '../../shared/db/idempotency.ts'
import { openPool } from '../../shared/db/pool.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { sha256 } from '../../shared/http/credentials.ts'
import type { Replica } from '../../shared/memory.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import type { Staged } from '../../shared/migration/staged.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { type Shared, shareOver } from '../../shared/shared.ts'
import { ADMIN_KEY, type TestDatabase } from './database.ts'
import { migrationsDir } from './global.ts'
import type { WireProxy } from './proxy.ts'

/** One process of several over a test database: its counters, at whatever stage they are. */
export type Process = {
  staged: Staged<CounterStore>
  memory: CounterStore
  replica: Replica
  scope: Scope
  add(name: string, by?: string): Promise<number>
  /** Adds 1 under an Idempotency-Key; `between` comes after the effect and before its COMMIT. */
  once(key: string, name: string, between?: () => void): Promise<number>
  /** Does any work under an Idempotency-Key; a refusal of it is an error. */
  keyed<T>(key: string, work: (scope: Scope) => Promise<T>, between?: () => void): Promise<T>
  /** Puts another collection at its stage. */
  stage: Shared['stage']
  get(name: string): Promise<number | undefined>
  /** Takes a step, as an operator would ask for it: again where it must wait for somebody's lease. */
  step(to: Stage): Promise<Stage>
  stop(): Promise<void>
}

const ORGANIZATION = 'org-rules'
let asked = 0

export const startProcess = async (database: TestDatabase, proxy?: WireProxy): Promise<Process> => {
  const config = proxy
    ? { ...database.config, database: { kind: 'url' as const, url: proxy.url(database.url as string) } }
    : database.config
  await database.sql(
    `insert into organizations (id, name, version, created_at, updated_at) values ($1, $1, nextval('row_version'), now(), now())
on conflict do nothing`,
    [ORGANIZATION],
  )
  const log = makeLog('silent', undefined)
  const shared = await shareOver(config, ADMIN_KEY, await openPool(config, 'agenthub_app', migrationsDir), log)
  const collection = counterCollection()
  const staged = shared.stage(collection)
  const scope: Scope = {
    organization_id: ORGANIZATION,
    caller: { kind: 'platform', actor: 'rules' },
    context: { request_id: `rules-${++asked}` },
  }
  const keyed: Process['keyed'] = async (key, work, between = () => {}) => {
    const effect = async (inner: Scope) => {
      const body = JSON.stringify(await work(inner))
      between()
      return { status: 200, headers: {}, body }
    }
    const answer = await doOnce(shared.db, scope, { id: key, hash: sha256(key) }, effect, ({ message }) => {
      throw new Error(`nothing of this is to be refused: ${message}`)
    })
    return JSON.parse(answer.body)
  }
  const numberOf = (json: string) => Number((JSON.parse(json) as { value: number }).value)
  return {
    staged,
    memory: collection.memory,
    replica: collection.replica,
    scope,
    add: async (name, by = '1') => numberOf((await staged.store.increment(scope, name, by, new Date().toISOString())).json),
    once: async (key, name, between) => {
      const increment = (inner: Scope) => staged.store.increment(inner, name, '1', new Date().toISOString())
      return numberOf((await keyed(key, increment, between)).json)
    },
    keyed,
    stage: shared.stage,
    get: async name => {
      const row = await staged.store.get(scope, name)
      return row && numberOf(row.json)
    },
    step: async to => (await staged.keeper.change(to, (await staged.keeper.enter()).row.epoch)).stage,
    stop: () => shared.close(),
  }
}
