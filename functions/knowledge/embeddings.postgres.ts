import type { Database } from '../../shared/db/database.ts'
import { types } from '../../shared/db/legacy.types.ts'
import { jsonOf, toRow } from '../../shared/db/rows.ts'
import { notingUse } from '../../shared/embeddings/kept.postgres.ts'
import { NORMALISER } from '../../shared/embeddings/key.ts'
import { isShort, literalOf } from '../../shared/embeddings/vector.ts'
import { numberOf, stringify } from '../../shared/json.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'
import type { Embedding } from './embeddings.schema.ts'
import type { EmbeddingStore, NewEmbedding } from './embeddings.store.ts'

/** What callers bring and what was imported: vectors that the service made by itself are in the same table, and nobody's dictionary. */
const BROUGHT = "provider in ('caller', 'legacy')"

/** The numbers as they were given: `extra` has those that 32 bits do not hold. */
const numbers = "case when extra #> '{as_given,value}' is null then array_to_json(embedding) else (extra #> '{as_given,value}')::json end"

/** What is remembered of given numbers (jsonb), as an import leaves it. */
const given = (numbers: string) => `jsonb_build_object('as_given', jsonb_build_object('value', ${numbers}))`

/** Sorted, so that two writers of the same keys wait for each other and do not lock each other out. */
const put = `insert into embeddings_cache as c
  (organization_id, id, provider, model, dimensions, normaliser, text_hash, embedding, extra, version, created_at, updated_at)
select $1, id, 'caller', model, dimensions, $4::int, hash, numbers::real[], case when given is not null then ${given('given')} end,
  nextval('row_version'), $3, $3
from jsonb_to_recordset($2::jsonb) v (id text, model text, hash text, dimensions int, numbers text, given jsonb)
order by id
on conflict (organization_id, id) do update
set embedding = excluded.embedding, extra = excluded.extra, version = nextval('row_version'), updated_at = excluded.updated_at, used_at = now(),
  created_at = case when c.deleted_at is null then c.created_at else excluded.created_at end, deleted_at = null`

/** The numbers in 32 bits, and as they were given where these might say them otherwise. */
const asSent = ({ embedding, ...vector }: NewEmbedding) => ({
  ...vector,
  dimensions: embedding.length,
  ...(embedding.every(isShort)
    ? { numbers: literalOf(embedding as number[]) }
    : { numbers: literalOf(Float32Array.from(embedding, numberOf)), given: embedding }),
})

const lookup = `with ${notingUse(`model = $2 and text_hash = any (array(select jsonb_array_elements_text($3::jsonb))) and deleted_at is null and ${BROUGHT}`)}
select asked.place - 1, c.id, c.version, c.json
from jsonb_array_elements_text($3::jsonb) with ordinality asked (hash, place), lateral (
  select id, version, ${jsonOf(`model, text_hash as hash, dimensions, ${numbers} as embedding`)} as json
  from embeddings_cache
  where organization_id = $1 and model = $2 and text_hash = asked.hash and deleted_at is null and ${BROUGHT}
  order by version desc limit 1
) c`

/** Vectors in Postgres, one statement a method. */
export const postgresEmbeddings = (db: Database): EmbeddingStore => ({
  put: async (scope, embeddings, at) => {
    const values = [scope.organization_id, stringify(embeddings.map(asSent)), at, NORMALISER]
    await db.write(scope, { name: 'embeddings.put', text: put, values })
  },
  lookup: async (scope, model, hashes) => {
    const values = [scope.organization_id, model, JSON.stringify(hashes)]
    const rows = await db.read(scope, { name: 'embeddings.lookup', text: lookup, values })
    const found = new Map(rows.map(([place, ...row]) => [Number(place), toRow<Embedding>(row)]))
    return hashes.map((_, place) => found.get(place) ?? null)
  },
})

const { read, loose } = types.floats
const whole = jsonOf(`id, organization_id, provider, model, normaliser, text_hash, ${numbers} as embedding,
  extra - 'as_given' as extra, iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole vectors, as memory and Postgres exchange them: the numbers as they were given. */
export const embeddingReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${whole} as json from embeddings_cache where ${BROUGHT}`,
  restore: [
    `insert into embeddings_cache
  (organization_id, id, provider, model, dimensions, normaliser, text_hash, embedding, extra, version, created_at, updated_at, deleted_at)
select v.organization_id, v.id, v.provider, v.model, cardinality(r.embedding), v.normaliser, v.text_hash, r.embedding,
  nullif(coalesce(nullif(v.extra, 'null'), '{}') || coalesce(x.extra, '{}'), '{}'), nextval('row_version'), v.created_at, v.updated_at,
  case when v.deleted then v.updated_at end
from jsonb_to_recordset($1::jsonb) v (organization_id text, id text, provider text, model text, normaliser int, text_hash text, embedding jsonb,
  extra jsonb, created_at timestamptz, updated_at timestamptz, deleted boolean),
  lateral (select ${read('v.embedding')} as embedding offset 0) r,
  lateral (select case when ${loose('v.embedding', '', 'r.embedding')} then ${given('v.embedding')} end as extra) x
on conflict (organization_id, id) do update
set provider = excluded.provider, model = excluded.model, dimensions = excluded.dimensions, normaliser = excluded.normaliser,
  text_hash = excluded.text_hash, embedding = excluded.embedding, extra = excluded.extra, version = nextval('row_version'),
  created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}
