import { jsonOf, orLeft, stamps } from '../../shared/db/rows.ts'
import { embeddedRows, keepVectors, stateAfter, stateOf } from '../../shared/db/vectors.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'

/** The statements on questions. $1 is the organization. */

const json = jsonOf(`id, organization_id, question, answer, category, metadata, language, ${stamps}`)
const [text, before, excluded] = ['n.', 'r.', 'excluded.'].map(embeddedSql.faqs) as [string, string, string]

export const get = `select id, version, ${json} from faqs
where organization_id = $1 and id = $2 and deleted_at is null`

export const list = `select id, version, ${json}, iso(created_at), id from faqs
where organization_id = $1 and deleted_at is null and (created_at, id) < ($3::timestamptz, $4)
order by created_at desc, id desc
limit $2::int + 1`

const fieldsOf = (e: string) =>
  `${e} ->> 'question' as question, ${e} ->> 'answer' as answer, ${e} ->> 'category' as category, ${e} -> 'metadata' as metadata, ${e} ->> 'language' as language`

const replaced = `question = excluded.question, answer = excluded.answer, category = excluded.category, metadata = excluded.metadata,
    language = excluded.language, version = nextval('row_version'), updated_at = excluded.updated_at`

const columns = 'organization_id, id, question, answer, category, metadata, language, embedding_state, version, created_at, updated_at'
const valuesAt = (at: string) =>
  `$1, n.id, question, answer, category, metadata, language, ${stateOf(text)}, nextval('row_version'), ${at}::timestamptz, ${at}::timestamptz`

/** All in $2 or none; $3 the moment, $4 what is known of their vectors, $5 where they stand. A removed one's id is free again. */
export const create = `with ${embeddedRows('$4')}, given as materialized (
  select place, e ->> 'id' as id, ${fieldsOf('e')} from jsonb_array_elements($2::jsonb) with ordinality g (e, place)
), made as (
  insert into faqs as r (${columns})
  select ${valuesAt('$3')} from given n join embedded e using (id)
  order by n.id
  on conflict (organization_id, id) do update
  set ${replaced}, embedding_state = excluded.embedding_state, extra = null, created_at = excluded.created_at, deleted_at = null
  where r.deleted_at is not null
  returning *
), ${keepVectors('faqs', 'made')}, answer as (
  select id, version, ${json} as json from made
)
select coalesce(a.id, refuse('AH411', format('faq %s exists already', g.id), case when $5 = '' then 'id' else format('%s/%s/id', $5, place - 1) end)),
  a.version, a.json
from given g left join answer a using (id)
order by place`

/**
 * Makes $2 or replaces it whole; without a version and a row in the answer it is not there. What was imported with it stays in `extra`.
 * It is made where the row is new (xmax is 0), or a tombstone (one that was there before) has come to life now.
 */
export const put = `with ${embeddedRows('$6')}, made as (
  insert into faqs as r (${columns})
  select ${valuesAt('$4')} from (select $2::text as id, ${fieldsOf('$5::jsonb')}) n join embedded e using (id)
  where $3::bigint is null or exists (select from faqs where organization_id = $1 and id = $2 and deleted_at is null)
  on conflict (organization_id, id) do update
  set ${replaced}, deleted_at = null,
    embedding_state = case when r.deleted_at is not null then excluded.embedding_state
      else (select ${stateAfter(excluded, before, 'r.embedding_state')} from embedded e) end,
    extra = case when r.deleted_at is null then r.extra end,
    created_at = case when r.deleted_at is null then r.created_at else excluded.created_at end
  where case when r.deleted_at is null then r.version = coalesce($3::bigint, r.version) else $3::bigint is null end
  returning r.*, r.xmax = 0 or r.created_at = $4::timestamptz
    and exists (select from faqs b where b.organization_id = $1 and b.id = $2 and b.deleted_at is not null) as created
), ${keepVectors('faqs', 'made')}
select id, version, ${json}, created from made
union all
select $2, (select version from faqs where organization_id = $1 and id = $2 and deleted_at is null), null, null
where not exists (select from made)`

export const update = `with ${embeddedRows('$6')}, changed as (
  update faqs r
  set (question, answer, category, metadata, language, embedding_state) = (
      select n.question, n.answer, n.category, n.metadata, n.language, ${stateAfter(text, before, 'r.embedding_state')}
      from (
        select coalesce(patch ->> 'question', r.question) as question, coalesce(patch ->> 'answer', r.answer) as answer,
          case when patch ? 'category' then patch ->> 'category' else r.category end as category,
          coalesce(patch -> 'metadata', r.metadata) as metadata,
          case when patch ? 'language' then patch ->> 'language' else r.language end as language
      ) n
    ), version = nextval('row_version'), updated_at = $4
  from (select $5::jsonb as patch) given, embedded e
  where r.organization_id = $1 and r.id = $2 and e.id = r.id and deleted_at is null and version = coalesce($3, version)
  returning r.*
), ${keepVectors('faqs', 'changed')}
select id, version, ${json} from changed
union all
select id, version, null from faqs
where organization_id = $1 and id = $2 and deleted_at is null and not exists (select from changed)`

export const remove = orLeft(
  'faqs',
  `update faqs
set deleted_at = $4, updated_at = $4, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)
