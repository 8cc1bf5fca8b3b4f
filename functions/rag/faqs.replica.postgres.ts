import { jsonOf } from '../../shared/db/rows.ts'
import { broughtVector, removeStaleOfEntries, restoreBrought } from '../../shared/db/vectors.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const faq = jsonOf(`id, organization_id, question, answer, category, metadata, language, ${broughtVector('faqs')} as vector, extra,
  iso(created_at) as created_at, iso(updated_at) as updated_at`)

const entries = 'jsonb_array_elements($1::jsonb) e'
const [is, was] = ['excluded.', 'r.'].map(embeddedSql.faqs)

/** Whole questions with the vectors that callers brought, as memory and Postgres exchange them. A model's vectors are made again. */
export const faqReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${faq} as json from faqs i`,
  restore: [
    `insert into faqs as r
  (organization_id, id, question, answer, category, metadata, language, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'question', e ->> 'answer', e ->> 'category', e -> 'metadata', e ->> 'language',
  nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from ${entries}
on conflict (organization_id, id) do update
set question = excluded.question, answer = excluded.answer, category = excluded.category, metadata = excluded.metadata,
  language = excluded.language, embedding_state = case when ${is} = ${was} then r.embedding_state else 'pending' end,
  extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at,
  deleted_at = excluded.deleted_at`,
    removeStaleOfEntries('faqs'),
    ...restoreBrought('faqs'),
  ],
}
