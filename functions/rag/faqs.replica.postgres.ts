import { jsonOf } from '../../shared/db/rows.ts'
import { removeStaleOfEntries } from '../../shared/db/vectors.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'
import { WIDTH } from '../../shared/embeddings/vector.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const callers = `v.collection = 'faqs' and v.generation in (
    select number from embedding_generations g where g.organization_id = v.organization_id and g.collection = 'faqs' and provider = 'caller')`

/** As numbers of 64 bits they print as those of JavaScript do. */
const vector = `(select array_to_json(v.embedding::real[]::float8[]) from item_vectors v
  where v.organization_id = f.organization_id and v.item_id = f.id and ${callers})`

const faq = jsonOf(`id, organization_id, question, answer, category, metadata, language, ${vector} as vector, extra,
  iso(created_at) as created_at, iso(updated_at) as updated_at`)

const entries = 'jsonb_array_elements($1::jsonb) e'
const [is, was] = ['excluded.', 'r.'].map(embeddedSql.faqs)

/** Whole questions with the vectors that callers brought, as memory and Postgres exchange them. A model's vectors are made again. */
export const faqReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${faq} as json from faqs f`,
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
    `delete from item_vectors v using ${entries} where v.organization_id = e ->> 'organization_id' and v.item_id = e ->> 'id' and ${callers}`,
    `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select organization_id, 'faqs', id, 0, embedding_generation(organization_id, 'faqs', 'caller', 'caller', ${WIDTH}),
  array(select number::real from jsonb_array_elements_text(vector) with ordinality n (number, place) order by place), text_hash(${embeddedSql.faqs('')})
from jsonb_to_recordset($1::jsonb) f (organization_id text, id text, question text, answer text, vector jsonb)
where jsonb_typeof(vector) = 'array'`,
  ],
}
