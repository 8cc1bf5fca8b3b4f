import type { Database } from '../../shared/db/database.ts'
import type { EmbeddedStore } from './documents.store.ts'

const unchanged = `with told as materialized (
  select * from jsonb_to_recordset($2::jsonb) t (id text, content text, chunks text)
)
select d.id from told t join rag_documents d on d.organization_id = $1 and d.id = t.id and d.deleted_at is null
where d.embedding_state = 'done' and d.content_hash = coalesce(t.content, d.content_hash) and d.chunks_hash is not distinct from t.chunks`

/** In Postgres: beside a transaction that is about to begin, for a provider may be asked behind it. */
export const postgresEmbedded = (db: Database): EmbeddedStore => ({
  unchanged: async (scope, told) => {
    const values = [scope.organization_id, JSON.stringify(told)]
    const rows = await db.read({ ...scope, unit: undefined }, { name: 'documents.unchanged', text: unchanged, values })
    return new Set(rows.map(([id]) => id as string))
  },
})
