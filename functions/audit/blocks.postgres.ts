import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Broken } from './schema.ts'
import type { BlockStore } from './store.ts'

/** Blocks of 1,000 events that one statement looks at. */
const PAGE = 20

/**
 * $2, $3 and $4 are the block, its last event and its hash before the page. What a block says is compared with the events in its
 * range, by their ids: `wrong` are those that differ, whatever is wrong with a block itself standing at its first event.
 */
const check = `with page as materialized (
  select * from audit_blocks where organization_id = $1 and id > $2 order by id limit ${PAGE}
), linked as materialized (
  select p.*, lag(id, 1, $2) over w as id_before, lag(last_id, 1, $3) over w as event_before,
    lag(hash, 1, case when $4 = '' then audit_genesis($1) else decode($4, 'hex') end) over w as hash_before
  from page p window w as (order by id)
), sealed as materialized (
  select e.id, e.digest from page p, unnest(p.ids, p.digests) e (id, digest)
), present as materialized (
  select e.id, audit_digest(e) as digest from audit_events e
  where e.organization_id = $1 and e.id > $3 and e.id <= (select max(last_id) from page)
), differing as materialized (
  select id, s.digest as was, p.digest as is_now
  from sealed s full join present p using (id)
  where s.digest is distinct from p.digest
), wrong as (
  select id, 1 as rank, case
      when is_now is null and was in (select is_now from differing where is_now is not null) then 'reordering'
      when is_now in (select was from differing where was is not null) then 'reordering'
      when is_now is null then 'deletion'
      when was is null then 'insertion'
      else 'edit' end as kind
  from differing
  union all
  select least(first_id, (select min(id) from present p where p.id > event_before)), 0, 'deletion' from linked
  where id <> audit_block_id(coalesce(nullif(id_before, ''), '0')::bigint + 1)
  union all
  select first_id, 2, 'edit' from linked
  where previous <> hash_before or hash <> audit_chain(previous, ids, digests) or first_id <> ids[1] or last_id <> ids[cardinality(ids)]
), broken as materialized (
  select id, kind from wrong order by id, rank limit 1
), newest as materialized (
  select last_id, total from audit_blocks where organization_id = $1 order by id desc limit 1
), ended as (
  select (select count(*) from page) < ${PAGE} or exists (select from broken) as yes
)
select
  l.id, encode(l.hash, 'hex'), l.last_id, ended.yes, coalesce((select total from newest), 0),
  case when ended.yes then (select count(*) from audit_events where organization_id = $1 and id > coalesce((select last_id from newest), '')) end,
  b.id,
  case when b.kind = 'deletion' and not exists (
    select from audit_events where organization_id = $1 and id > b.id and id <= (select last_id from newest)
  ) then 'cut' else b.kind end
from ended
left join broken b on true
left join (select id, hash, last_id from page order by id desc limit 1) l on true`

const firstOther = `select g.place, b.id is null
from unnest($2::text[], $3::text[]) with ordinality g (id, hash, place)
left join audit_blocks b on b.organization_id = $1 and b.id = g.id
where b.hash is distinct from decode(g.hash, 'hex')
order by g.place
limit 1`

/** The blocks that seal the audit, in Postgres. */
export const postgresBlocks = (db: Database): BlockStore => ({
  check: async (scope, { block, hash, event }) => {
    const values = [scope.organization_id, block, event, hash]
    const [row] = await db.read(scope, { name: 'audit.check', text: check, values })
    const [last, lastHash, lastEvent, ended, sealed, unsealed, id, kind] = row as Columns
    return {
      next: ended === 't' ? undefined : { block: last as string, hash: lastHash as string, event: lastEvent as string },
      broken: id == null ? undefined : { id, kind: kind as Broken['kind'] },
      sealed: Number(sealed),
      unsealed: Number(unsealed),
    }
  },
  firstOther: async (scope, blocks) => {
    const values = [scope.organization_id, arrayOf(blocks.map(({ id }) => id)), arrayOf(blocks.map(({ hash }) => hash))]
    const [row] = await db.read(scope, { name: 'audit.first_other', text: firstOther, values })
    const block = row && blocks[Number(row[0]) - 1]
    return block && { block, missing: row[1] === 't' }
  },
})

/** Words of letters and digits as Postgres's text of an array. */
const arrayOf = (words: readonly string[]): string => `{${words.join()}}`
