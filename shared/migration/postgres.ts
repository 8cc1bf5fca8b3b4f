import type { Columns, Statement } from '../db/batch.ts'
import type { Database } from '../db/database.ts'
import type { Scope } from '../db/scope.ts'
import type { Measured } from './measure.ts'
import type { Probe, StageDb } from './ports.ts'
import type { Entry, Stage, StageRow, Stamp } from './stage.ts'
import type { Runs } from './verify.ts'

/** How a collection's rows become entries and entries rows. The first three columns of `from` are organization_id, id and version. */
export type ReplicaSql = {
  /** The select of entries: organization_id, id, version, deleted, json. A `where` on those names may follow. */
  entries: string
  /** Statements that write entries ($1: a jsonb array of `{ deleted, ...json }`) with new versions, over whatever is there. */
  restore: string[]
}

export type StageSettings = {
  collection: string
  /** The stage in which a collection begins that Postgres has not met. */
  first: Stage
  /** This process, among all that ever hold a lease. */
  instance: string
  /** Seconds that a lease lasts, and that the stage `complete` may be relied on. */
  leaseSeconds: number
  validSeconds: number
}

/** Entries of a page, and versions, which are small. */
const PAGE = 2000
const STAMPS = 20_000

const scope: Scope = { organization_id: '', caller: { kind: 'jobs', actor: 'migration' }, context: { request_id: 'migration' } }

const toStamp = ([organization_id, id, version]: Columns): Stamp => ({
  organization_id: organization_id as string,
  id: id as string,
  version: version as string,
})

const toEntry = (row: Columns): Entry => ({ ...toStamp(row), deleted: row[3] === 't', json: row[4] as string })

const asText = (entry: Entry) => `{"deleted":${entry.deleted},${entry.json.slice(1)}`

const ENTER = `select stage, epoch, valid_until, wish, granted, since, verify_wished($1)
from migration_enter($1, $2, $3, $4, $5)`

/** As claim_idempotency_key() looks for it. */
const ANSWERED = `select id from idempotency_keys where organization_id = $1 and id = $2 and created_at > now() - interval '24 hours'`

/** What a keeper asks of Postgres, for one collection. */
export const postgresStages = (db: Database, sql: ReplicaSql, settings: StageSettings): StageDb => {
  const { collection, first, instance, leaseSeconds, validSeconds } = settings
  const statement = (name: string, text: string, ...values: Statement['values']): Statement => ({ name: `migration.${name}`, text, values })
  const entryStatement = (name: string) => `migration.${name}.${collection}`
  /** Alone, under this epoch, until the transaction ends. */
  const hold = (epoch: string) => statement('hold', 'select migration_hold($1, $2)', collection, epoch)
  /** Entries as they are in memory, with new versions larger than every one that memory has handed out. */
  const written = (entries: Entry[], newest: bigint): Statement[] => {
    if (entries.length === 0) return []
    const values = [`[${entries.map(asText).join()}]`]
    const restore = sql.restore.map((text, i) => ({ name: `${entryStatement('restore')}.${i}`, text, values }))
    return [statement('raise_version', 'select raise_row_version($1)', String(newest)), ...restore]
  }

  /** All entries that a condition likes, in the order of their keys. */
  async function* pages<T>(
    name: string,
    columns: string,
    condition: string,
    size: number,
    values: Statement['values'],
    to: (row: Columns) => T,
  ): AsyncIterable<T[]> {
    const text = `select ${columns} from (${sql.entries}) entry
where (organization_id, id) > ($1, $2) and ${condition}
order by organization_id, id
limit ${size}`
    for (let after = ['', '']; ; ) {
      const rows = await db.read(scope, { name: entryStatement(name), text, values: [...after, ...values] })
      yield rows.map(to)
      if (rows.length < size) return
      after = (rows.at(-1) as Columns).slice(0, 2) as string[]
    }
  }

  return {
    enter: async () => {
      const [row] = await db.write(scope, statement('enter', ENTER, collection, first, instance, leaseSeconds, validSeconds))
      const [stage, epoch, validUntil, wish, granted, since, verify] = row as string[]
      const found = { stage, epoch, validUntil, wish: wish ?? undefined, verify: verify === 't' } as StageRow
      return { row: found, granted: granted === 't', since: since as string }
    },
    release: async () => {
      await db.write(
        scope,
        statement('release', 'delete from migration_leases where collection = $1 and instance = $2', collection, instance),
      )
    },
    raise: async epoch => {
      const [row] = await db.write(scope, statement('raise', 'select migration_raise($1, $2, $3)', collection, instance, epoch))
      return row?.[0] as string
    },
    change: async (epoch, to, dirty, newest) => {
      const change = statement('change', 'select migration_change($1, $2, $3, $4, $5)', collection, instance, epoch, to, validSeconds)
      await db.write(scope, hold(epoch), ...written(dirty, newest), change)
    },
    copy: async (epoch, dirty, newest) => void (await db.write(scope, hold(epoch), ...written(dirty, newest))),
    mark: async epoch => {
      const [row] = await db.write(scope, hold(epoch), statement('mark', "select nextval('row_version')"))
      return row?.[0] as string
    },
    entry: async (organization, id) => {
      const [row] = await db.read(scope, entryBy(sql, collection, organization, id))
      return row && toEntry(row)
    },
    answered: async (organization, unit) => (await db.read(scope, statement('answered', ANSWERED, organization, unit))).length > 0,
    entries: (beyond = '0') => pages('entries', '*', 'version > $3', PAGE, [beyond], toEntry),
    versions: () => pages('versions', 'organization_id, id, version', 'true', STAMPS, [], toStamp),
    those: async (organization, ids) => (await db.read(scope, entriesBy(sql, collection, organization, ids))).map(toEntry),
  }
}

const entryBy = (sql: ReplicaSql, collection: string, organization: string, id: string): Statement => ({
  name: `migration.entry.${collection}`,
  text: `select * from (${sql.entries}) entry where organization_id = $1 and id = $2`,
  values: [organization, id],
})

const entriesBy = (sql: ReplicaSql, collection: string, organization: string, ids: readonly string[]): Statement => ({
  name: `migration.entries_by.${collection}`,
  text: `select * from (${sql.entries}) entry
where organization_id = $1 and id = any (array(select jsonb_array_elements_text($2::jsonb)))`,
  values: [organization, JSON.stringify(ids)],
})

const about = (sql: ReplicaSql, collection: string, organization: string, ids: readonly string[]): Statement[] => {
  const [id, ...more] = ids
  if (id === undefined) return []
  return [more.length > 0 ? entriesBy(sql, collection, organization, ids) : entryBy(sql, collection, organization, id)]
}

/** What a mirror's statements bring along: the epoch's check and hold, and the entries as their transaction leaves them. */
export const postgresProbe =
  (sql: ReplicaSql, collection: string) =>
  (epoch: string | undefined, organization: string, keys: readonly string[]): Probe => {
    let known: readonly Entry[] = []
    return {
      checks: epoch === undefined ? [] : [{ call: 'hold_epoch', values: [collection, epoch] }],
      after: about(sql, collection, organization, keys),
      learn: ([rows = []]) => {
        known = rows.map(toEntry)
      },
      entries: () => known,
    }
  }

const reportText = 'update migration_leases set measured = $3 where collection = $1 and instance = $2'

/** Writes down beside its lease what the holder of a memory has measured, for whoever looks at the collection from another process. */
export const postgresReport =
  (db: Database, { collection, instance }: Pick<StageSettings, 'collection' | 'instance'>) =>
  async (measured: Measured): Promise<void> => {
    await db.write(scope, { name: 'migration.report', text: reportText, values: [collection, instance, JSON.stringify(measured)] })
  }

/** The clean pass is the last comparison's: one that does not come to its end may have mended what it found. */
const beginRun = `with run as (
  insert into migration_runs (id, collection, kind, epoch) values ($1, $2, 'verify', $3)
)
update migration_stages set clean_pass = null where collection = $2 and clean_pass is not null`

const finishRun = `with run as (
  update migration_runs
  set finished_at = clock_timestamp(), compared = $3, repaired = $4, differences = jsonb_array_length($5::jsonb)
  where id = $1
  returning epoch, repaired
), found as (
  insert into migration_mismatches (run, organization, key, path, memory, postgres)
  select $1, d ->> 'organization_id', d ->> 'key', d ->> 'path', d -> 'memory', d -> 'postgres' from jsonb_array_elements($5::jsonb) d
)
update migration_stages
set clean_pass = case when run.repaired > 0 then null when run.epoch >= stage_epoch then migration_stages.epoch else clean_pass end
from run
where collection = $2`

/** Whole comparisons of one collection, in Postgres. */
export const postgresRuns = (db: Database, collection: string): Runs => ({
  begin: async (id, epoch) => {
    await db.write(scope, { name: 'migration.begin_run', text: beginRun, values: [id, collection, epoch] })
  },
  finish: async (id, compared, repaired, differences) => {
    await db.write(scope, { name: 'migration.finish_run', text: finishRun, values: [id, collection, compared, repaired, differences] })
  },
})
