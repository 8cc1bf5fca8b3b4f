import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Head } from './heads.schema.ts'
import type { SealStore } from './store.ts'

const PATIENCE_MS = 15_000
const LOOK_MS = 50

/** Events that one step seals, at 100,000 a second. */
const STEP = 20_000

const unanchored = `select organization_id, min(id) from audit_blocks
where anchored_at is null and organization_id not in (select jsonb_array_elements_text($1::jsonb))
group by organization_id
order by organization_id
limit 100`

const following = `select (select encode(hash, 'hex') from audit_blocks where organization_id = $1 and id = $2), (
  select json_build_object('organization_id', $1::text, 'total', max(total), 'blocks',
    json_agg(json_build_object('id', id, 'first_id', first_id, 'last_id', last_id, 'hash', encode(hash, 'hex')) order by id))
  from (select id, first_id, last_id, hash, total from audit_blocks where organization_id = $1 and id > $2 order by id limit 1000) b
  having count(*) > 0
)`

const anchored = `update audit_blocks set anchored_at = now(), updated_at = now(), version = nextval('row_version')
where organization_id = $1 and id <= $2 and anchored_at is null`

/** Sealing in Postgres, as agenthub_jobs. */
export const postgresSeals = (db: Database): SealStore => ({
  settled: async scope => {
    // The last id is read before the transactions: who drew an id up to it had its transaction's number by then.
    const [drawn, open] = await db.writeAll(
      scope,
      { name: 'audit.drawn', text: "select 'aud_' || lpad(to_hex(last_value), 16, '0') from audit_event_number", values: [] },
      { name: 'audit.open', text: 'select pg_snapshot_xmax(pg_current_snapshot())', values: [] },
    )
    const before = open?.[0]?.[0] as string
    const text = 'select pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8'
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
      const [row] = await db.read(scope, { name: 'audit.settled', text, values: [before] })
      if (row?.[0] === 't') return drawn?.[0]?.[0] as string
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
    throw new Refusal('unavailable', 'a transaction that writes has been open too long to seal the audit behind it', { retryAfter: 60 })
  },
  seal: async (scope, beyond, upto) => {
    const text = 'select sealed, reached from seal_audit($1, $2, $3)'
    const [row] = await db.write(scope, { name: 'audit.seal', text, values: [beyond, upto, STEP] })
    const [sealed, reached] = row as Columns
    return { sealed: Number(sealed), reached: reached ?? undefined }
  },
  unanchored: async (scope, except) => {
    const rows = await db.read(scope, { name: 'audit.unanchored', text: unanchored, values: [JSON.stringify(except)] })
    return rows.map(([organization_id, id]) => ({ organization_id: organization_id as string, id: id as string }))
  },
  following: async (scope, organization, id) => {
    const [row] = await db.read(scope, { name: 'audit.following', text: following, values: [organization, id] })
    const [hash, head] = row as Columns
    return { hash: hash ?? undefined, head: head == null ? undefined : (JSON.parse(head) as Head) }
  },
  anchored: async (scope, organization, id) => {
    await db.write(scope, { name: 'audit.anchored', text: anchored, values: [organization, id] })
  },
})
