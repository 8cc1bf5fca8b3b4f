import type { Columns, Value } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, NEWEST, oneRow, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { parseJson, stringify } from '../../shared/json.ts'
import type { Row } from '../../shared/record.ts'
import { LEASE_SECONDS, operationJson } from './ledger.postgres.ts'
import type { Intent } from './schema.ts'
import { type Answer, confirmedAlready, type Hearing, type IntentStore, type Moved, type Operation, type Told } from './store.ts'

const json = jsonOf(`id, organization_id, amount, currency, currency_exponent, status, capture_method, provider,
  amount_capturable, amount_received, amount_refunded, cancellation_reason, metadata, ${stamps}`)

const get = `select id, version, ${json} from payment_intents
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, iso(created_at), id from payment_intents
where organization_id = $1 and deleted_at is null
  and (created_at, id) < ($3::timestamptz, $4)
order by created_at desc, id desc
limit $2::int + 1`

/** The last column is the operation that was begun, or null. */
const moved = (call: string) => `select i.id, i.version, i.json, ${operationJson('(m.operation)', '(m.intent)')}
from ${call} m, lateral (select id, version, ${json} as json from (select (m.intent).*) one) i`

const create = moved(`payment_create($1, $2, $3::bigint, $4, $5, $6, $7::jsonb, $8, $9::boolean, $10, $11, $12, $13, $14::numeric)`)
const move = moved(`payment_move($1, $2, $3, $4::bigint, $5, $6, $7, $8, $9, $10, $11, $12::numeric)`)

/**
 * What is paid, and how, changes no more once it was confirmed: such a patch answers the one row that has no id. What makes it so is
 * looked at under the lock of the row.
 */
const update = `with given as (
  select $5::jsonb as patch, $5::jsonb ?| '{amount,currency,capture_method}' as terms
), present as (
  select p.id, p.version,
    not terms or status in ('requires_payment_method', 'requires_confirmation') and provider_reference is null as free
  from payment_intents p, given where organization_id = $1 and id = $2 and deleted_at is null
  for no key update of p
), changed as (
  update payment_intents p
  set amount = coalesce((patch ->> 'amount')::bigint, amount), currency = coalesce(patch ->> 'currency', currency),
    capture_method = coalesce(patch ->> 'capture_method', capture_method), metadata = coalesce(patch -> 'metadata', metadata),
    version = nextval('row_version'), updated_at = $4
  from given, present
  where p.organization_id = $1 and p.id = present.id and present.free and present.version = coalesce($3, present.version)
  returning p.*
)
select id, version, ${json} from changed
union all
select case when free or version <> $3 then id end, version, null from present where not exists (select from changed)`

const complete = `select id, version, ${json}
from payment_complete($1, $2, $3::int, $4, $5::bigint, $6::bigint, $7::bigint, $8, $9, $10, $11)`

const hear = 'select payment_hear($1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint, $10, $11, $12)'

const movedOf = ([row]: Columns[]): Moved | undefined =>
  row && { row: toRow<Intent>(row), operation: row[3] === null ? undefined : (parseJson(row[3] as string) as unknown as Operation) }

/** The key that the request came with, as an operation remembers it. */
const keyOf = ({ unit }: Scope): [Value, Value] => (unit ? [unit.id, unit.hash] : [null, null])

const toldOf = ({ status, authorized, received, refunded, reference }: Told): Value[] => [status, authorized, received, refunded, reference]

/** Payment intents in Postgres: what may be done to them is said in sql/019_payment_moves.sql. */
export const postgresIntents = (db: Database): IntentStore => ({
  get: async (scope, id) =>
    oneRow<Intent>(await db.read(scope, { name: 'payment_intents.get', text: get, values: [scope.organization_id, id] })),
  list: async (scope, slice) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST)]
    return toPage<Intent>(await db.read(scope, { name: 'payment_intents.list', text: list, values, planned: 'once' }), slice)
  },
  create: async (scope, { id, amount, currency, capture_method, provider, metadata, confirm, at }) => {
    const about = [id, amount, currency, capture_method, provider, stringify(metadata), at]
    const confirming = [confirm !== undefined, confirm?.operation ?? null, confirm?.transaction ?? null, ...keyOf(scope), LEASE_SECONDS]
    const values = [scope.organization_id, ...about, ...confirming]
    return movedOf(await db.write(scope, { name: 'payment_intents.create', text: create, values }))
  },
  update: async (scope, id, patch, at, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null, at, stringify(patch)]
    const rows = await db.write(scope, { name: 'payment_intents.update', text: update, values })
    if (rows[0] && rows[0][0] === null) throw confirmedAlready(id)
    return changedRow<Intent>(rows)
  },
  move: async (scope, id, { kind, amount = null, outcome = null, reason = null, operation, transaction, at }) => {
    const asked = [id, kind, amount, outcome, reason, operation, transaction, at]
    const values = [scope.organization_id, ...asked, ...keyOf(scope), LEASE_SECONDS]
    return movedOf(await db.write(scope, { name: `payment_intents.${kind}`, text: move, values }))
  },
  complete: async (scope, _intent, { id, fence }, answer: Answer, transaction, at) => {
    const values = [scope.organization_id, id, fence, ...toldOf(answer), answer.refused ?? null, transaction, at]
    return oneRow<Intent>(await db.write(scope, { name: 'payment_intents.complete', text: complete, values })) as Row<Intent>
  },
  hear: async (scope, intent, { provider, id, signed_at, told }, transaction, at) => {
    const values = [scope.organization_id, `${provider} ${id}`, signed_at, intent, provider, ...toldOf(told), transaction, at]
    const [row] = await db.write(scope, { name: 'payment_intents.hear', text: hear, values })
    return row?.[0] as Hearing
  },
})
