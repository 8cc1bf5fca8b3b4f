import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { answering, jsonOf, oneRow, toPage, toRow } from '../../shared/db/rows.ts'
import type { Counter } from './counters.schema.ts'
import { counter } from './replica.postgres.ts'
import type { CounterStore } from './store.ts'

const json = jsonOf('id as name, value')

const get = `select id, version, ${json} from counters
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, id from counters
where organization_id = $1 and deleted_at is null and id > $3
order by id
limit $2::int + 1`

/** A removed counter starts again from 0. */
const increment = answering(
  counter,
  more => `insert into counters (organization_id, id, value, version, created_at, updated_at)
values ($1, $2, $3::numeric, nextval('row_version'), $4, $4)
on conflict (organization_id, id) do update
set value = case when counters.deleted_at is null then counters.value else 0 end + excluded.value,
  extra = case when counters.deleted_at is null then counters.extra end,
  created_at = case when counters.deleted_at is null then counters.created_at else excluded.created_at end,
  version = nextval('row_version'), updated_at = excluded.updated_at, deleted_at = null
returning id, version, ${json}${more}`,
)

/** Counters in Postgres: an increment is one statement, whatever races it. */
export const postgresCounters = (db: Database): CounterStore => ({
  get: async (scope, name) =>
    oneRow<Counter>(await db.read(scope, { name: 'counters.get', text: get, values: [scope.organization_id, name] })),
  list: async (scope, slice) => {
    const values = [scope.organization_id, slice.limit, slice.after?.[0] ?? '']
    return toPage<Counter>(await db.read(scope, { name: 'counters.list', text: list, values, planned: 'once' }), slice)
  },
  increment: async (scope, name, by, at) => {
    const values = [scope.organization_id, name, by, at]
    return toRow<Counter>((await db.write(scope, { name: 'counters.increment', ...increment, values }))[0] as Columns)
  },
})
