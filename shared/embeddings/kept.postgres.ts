import type { Database } from '../db/database.ts'
import type { Scope } from '../db/scope.ts'
import { type EmbeddingKey, idOfKey, NORMALISER } from './key.ts'
import { literalOf, WIDTH } from './vector.ts'

/** Vectors that were made, by what made them and of which text. The numbers are the model's own: what pads them is left out. */
export type KeptVectors = {
  /** In order, undefined where there is none. */
  get(scope: Scope, keys: readonly EmbeddingKey[]): Promise<(Float32Array | undefined)[]>
  put(scope: Scope, vectors: readonly (EmbeddingKey & { vector: Float32Array })[]): Promise<void>
}

/**
 * A further part of a statement that looks vectors up: those of $1's that `which` names are noted as used, once a day at most. A row that
 * somebody is at is left: a lookup waits for nobody.
 */
export const notingUse = (which: string): string => `used as (
  update embeddings_cache set used_at = now() where organization_id = $1 and id in (
    select id from embeddings_cache where organization_id = $1 and ${which} and used_at < now() - interval '1 day' for no key update skip locked)
)`

const asked = 'id = any (array(select jsonb_array_elements_text($2::jsonb))) and deleted_at is null'
const get = `with ${notingUse(asked)}
select id, embedding from embeddings_cache where organization_id = $1 and ${asked}`

/** Sorted, so that two writers of the same texts wait for each other and do not lock each other out. */
const put = `insert into embeddings_cache
  (organization_id, id, provider, model, dimensions, normaliser, text_hash, embedding, version, created_at, updated_at)
select $1, id, provider, model, dimensions, $3::int, hash, embedding::real[], nextval('row_version'), now(), now()
from jsonb_to_recordset($2::jsonb) v (id text, provider text, model text, dimensions int, hash text, embedding text)
order by id
on conflict (organization_id, id) do nothing`

/** In embeddings_cache. */
export const postgresVectors = (db: Database): KeptVectors => ({
  get: async (scope, keys) => {
    const ids = keys.map(idOfKey)
    const rows = await db.read(scope, { name: 'embeddings.kept', text: get, values: [scope.organization_id, JSON.stringify(ids)] })
    const found = new Map(rows.map(([id, numbers]) => [id, vectorOf(numbers as string)]))
    return ids.map(id => found.get(id))
  },
  put: async (scope, vectors) => {
    const rows = vectors.map(({ vector, ...key }) => ({
      id: idOfKey(key),
      ...key,
      embedding: literalOf(vector.subarray(0, key.dimensions)),
    }))
    await db.write(scope, { name: 'embeddings.keep', text: put, values: [scope.organization_id, JSON.stringify(rows), NORMALISER] })
  },
})

/** Of `{0.1,0.2}`. */
const vectorOf = (literal: string): Float32Array => {
  const vector = new Float32Array(WIDTH)
  vector.set(JSON.parse(`[${literal.slice(1, -1)}]`) as number[])
  return vector
}
