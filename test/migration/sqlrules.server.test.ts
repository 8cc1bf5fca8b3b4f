import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase } from '../support/database.ts'
import { holdLocks } from '../support/locks.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { type Ground, type SqlRule, sqlRules } from './sqlrules.ts'

let ground: Ground
let running: Process[] = []
beforeAll(async () => {
  const database = await makeTestDatabase({ MIGRATION_STAGE_CACHE_SECONDS: '1', DB_POOL_SIZE: '3' })
  ground = {
    database,
    holder: await holdLocks(database),
    start: async () => {
      const one = await startProcess(database)
      running.push(one)
      return one
    },
    at: async stage => {
      await database.sql(`insert into migration_stages (collection, stage, clean_pass) values ('counters', $1, 1)`, [stage])
    },
  }
})
afterAll(async () => {
  await ground.holder.close()
  await ground.database.drop()
})
afterEach(async () => {
  for (const one of running) await one.stop()
  running = []
  for (const table of ['migration_leases', 'migration_runs', 'migration_stages', 'counters'])
    await ground.database.sql(`delete from ${table}`)
})

const rules = Object.entries(sqlRules)
test.for(rules.map(([, { says, holds }]) => [says, holds] as const))('%s', ([, holds]) => holds(ground))

/** A deliberate fault in a function of the database, and the rule that is to see it. */
type Mutant = { name: string; of: string; from: string; to: string; seen: SqlRule }

const mutants: Mutant[] = [
  {
    name: 'a second lease granted',
    of: 'migration_enter',
    from: 'granted := not exists',
    to: 'granted := true or not exists',
    seen: 'lease',
  },
  {
    name: 'the epoch not raised with the lease',
    of: 'migration_enter',
    from: 'set epoch = migration_stages.epoch + 1',
    to: 'set epoch = migration_stages.epoch',
    seen: 'lease',
  },
  { name: 'a stale epoch accepted', of: 'hold_epoch', from: 'present is distinct from expected', to: 'false', seen: 'epoch' },
  { name: 'a step that does not exist', of: 'migration_change', from: 'if not found then', to: 'if false then', seen: 'steps' },
  { name: 'a step without the lease', of: 'migration_change', from: 'if step.by_holder and', to: 'if false and', seen: 'steps' },
  {
    name: 'a step by the lease of an epoch that has passed',
    of: 'migration_change',
    from: "kind = 'memory' and epoch = expected",
    to: "kind = 'memory'",
    seen: 'steps',
  },
  { name: 'a step by a shared lease', of: 'migration_change', from: "kind = 'memory' and epoch", to: 'epoch', seen: 'steps' },
  {
    name: 'a clean pass of an earlier stage',
    of: 'migration_change',
    from: 'or row_found.clean_pass < row_found.stage_epoch',
    to: '',
    seen: 'proof',
  },
  {
    name: 'versions that memory has handed out already',
    of: 'raise_row_version',
    from: 'beyond - ',
    to: '0 * beyond - ',
    seen: 'versions',
  },
  {
    name: 'a scope of the platform without an end',
    of: 'enter_scope',
    from: 'clock_timestamp() >= valid_until',
    to: 'false',
    seen: 'validity',
  },
  { name: 'a scope of a key without an end', of: 'authenticate', from: 'clock_timestamp() >= valid_until', to: 'false', seen: 'validity' },
  {
    name: 'no wait for scopes of complete',
    of: 'migration_change',
    from: 'clock_timestamp() < over or oldest_transaction() < over',
    to: 'false',
    seen: 'wait',
  },
  { name: 'no wait for a transaction of complete', of: 'migration_change', from: 'or oldest_transaction() < over', to: '', seen: 'wait' },
]

const defined = async (name: string): Promise<string> => {
  const [row] = await ground.database.sql<{ text: string }>('select pg_get_functiondef($1::regproc) as text', [name])
  return (row as { text: string }).text
}

test.for(mutants.map(mutant => [mutant.name, mutant] as const))(
  'where SQL has %s, its rule says so',
  async ([, { of, from, to, seen }]) => {
    const right = await defined(of)
    expect(right.split(from), `${from} stands there once`).toHaveLength(2)
    await ground.database.sql(right.replace(from, to))
    try {
      await expect(sqlRules[seen].holds(ground)).rejects.toThrow(expect.objectContaining({ name: 'AssertionError' }))
    } finally {
      await ground.database.sql(right)
    }
  },
)
