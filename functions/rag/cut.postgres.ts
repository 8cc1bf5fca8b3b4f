import type { Database } from '../../shared/db/database.ts'
import { stringify } from '../../shared/json.ts'
import type { CutStore, Uncut } from './documents.store.ts'
import { lockRows, pieceStatements, sentPieces } from './pieces.postgres.ts'

/** Documents of a step, and characters (one document may have more). */
const [MOST, CHARACTERS] = [50, 2_000_000]

const page = `select organization_id, id, version, content from (
  select *, sum(length(content)) over (order by organization_id, id) - length(content) as ahead from (
    select organization_id, id, version, content from rag_documents
    where deleted_at is null and chunk_count is null and (organization_id, id) > ($1, $2)
    order by organization_id, id limit ${MOST}
  ) few
) page where ahead < ${CHARACTERS}
order by organization_id, id`

/** In Postgres. */
export const postgresCuts = (db: Database): CutStore => ({
  page: async (scope, after) => {
    const rows = await db.read(scope, { name: 'documents.uncut', text: page, values: [after.organization_id, after.id] })
    return rows.map(([organization_id, id, version, content]) => ({ organization_id, id, version, content }) as Uncut)
  },
  write: async (scope, documents) => {
    const { organization_id } = scope
    const sent = stringify(documents.map(({ id, version, pieces }) => ({ id, version, ...sentPieces(pieces) })))
    await db.write(scope, lockRows(organization_id, sent), ...pieceStatements(organization_id, sent, documents))
  },
})
