import { postgresCompletions } from '../../functions/knowledge/complete.postgres.ts'
import type { CompletionStore } from '../../functions/knowledge/complete.store.ts'
import { completion } from '../../functions/knowledge/complete.ts'
import { vector } from '../../shared/cache/codecs.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { cachedEmbeddings } from '../../shared/embeddings/cached.ts'
import { postgresVectors } from '../../shared/embeddings/kept.postgres.ts'
import { openAiEmbedder } from '../../shared/embeddings/openai.ts'
import { jobOf } from '../../shared/job.ts'
import type { Running } from '../support/http.ts'
import type { ProviderStandIn } from '../support/provider.ts'

const scope: Scope = { organization_id: '', caller: { kind: 'jobs', actor: 'test' }, context: { request_id: 'test' } }
const patience = { timeout: 5000, attempts: 2, pause: 1, sleep: async () => {}, random: () => 0 }

/** A vector as it is kept, and of which model. */
export type Vector = { item_id: string; chunk: number; model: string; state: string; numbers: number[] }

const TABLES = ['rag_chunks', 'rag_documents', 'knowledge_entries', 'faqs', 'item_vectors', 'embedding_generations']

let processes = 0

/** Items that wait for vectors, written past the routes, and the job that makes them. */
export const itemsOf = (app: Running, provider: ProviderStandIn) => {
  /** The job as a process does it whose configured model is `model`; `change` stands between it and its store. */
  const complete = (model: string, change: (store: CompletionStore) => CompletionStore = store => store) => {
    const { db, log, cache } = app.shared
    const hot = cache({ name: `vectors-${++processes}`, codec: vector, seconds: 60, bytes: 1e7 })
    const embedder = openAiEmbedder({ url: provider.url, model, dimensions: undefined, apiKey: undefined, patience })
    return jobOf(
      'complete',
      '',
      completion(change(postgresCompletions(db)), cachedEmbeddings(embedder, postgresVectors(db), { cache: hot, log })),
    ).run(scope)
  }

  const sql = <R extends object>(text: string, values: unknown[]) => app.database.sql<R>(text, values)
  const entry = (organization: string, id: string, content: string) =>
    sql(
      `insert into knowledge_entries (organization_id, id, title, content, version, created_at, updated_at)
      values ($1, $2, 'Title', $3, nextval('row_version'), now(), now())`,
      [organization, id, content],
    )
  const document = async (organization: string, id: string, chunks: string[]) => {
    await sql(
      `insert into rag_documents (organization_id, id, title, content, chunk_count, version, created_at, updated_at)
      values ($1, $2, 'Title', $3, $4, nextval('row_version'), now(), now())`,
      [organization, id, chunks.join(' '), chunks.length],
    )
    await sql(
      `insert into rag_chunks (organization_id, document_id, number, content)
      select $1, $2, place, content from jsonb_array_elements_text($3::jsonb) with ordinality c (content, place)`,
      [organization, id, JSON.stringify(chunks)],
    )
  }
  const faq = (organization: string, id: string, question: string, answer: string) =>
    sql(
      `insert into faqs (organization_id, id, question, answer, version, created_at, updated_at)
      values ($1, $2, $3, $4, nextval('row_version'), now(), now())`,
      [organization, id, question, answer],
    )
  const vectors = (organization: string, collection: string) =>
    sql<Vector>(
      `select item_id, chunk, model, state, embedding::real[] as numbers from item_vectors v
      join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
      where v.organization_id = $1 and v.collection = $2 order by item_id, chunk, g.number`,
      [organization, collection],
    )
  const states = async (organization: string, table: string) =>
    (
      await sql<{ id: string; embedding_state: string }>(
        `select id, embedding_state from ${table} where organization_id = $1 order by id`,
        [organization],
      )
    ).map(row => `${row.id} ${row.embedding_state}`)
  const generations = async (organization: string) =>
    (
      await sql<{ model: string; state: string }>(
        'select model, state from embedding_generations where organization_id = $1 and collection = $2 order by number',
        [organization, 'knowledge'],
      )
    ).map(({ model, state }) => `${model} ${state}`)
  /** The job works for every organization: those of other tests have nothing. */
  const clear = async () => {
    for (const table of TABLES) await app.database.sql(`delete from ${table}`)
  }
  return { sql, entry, document, faq, vectors, states, generations, complete, clear }
}
