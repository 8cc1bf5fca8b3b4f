import type { Statement } from '../../shared/db/batch.ts'
import { documentsWhere } from '../../shared/db/filters.ts'
import { type Values, valuesOf } from '../../shared/db/where.ts'
import { stringify } from '../../shared/json.ts'
import type { Where } from '../../shared/where.ts'

/** The documents whose metadata a filter likes. */
const liked = (where: Where, values: Values): string => `organization_id = $1 and deleted_at is null and ${documentsWhere(where, values)}`

/** Their ids, newest first. */
export const matchingStatement = (organization: string, where: Where): Statement => {
  const values = valuesOf([organization])
  const text = `select id from rag_documents where ${liked(where, values)} order by created_at desc, id desc`
  return { name: 'documents.matching', nameless: true, text, values: values.list }
}

/** Removes them (of `among`), and answers how many they were. What changes meanwhile is looked at again. */
export const removeStatement = (organization: string, where: Where, at: string, among?: readonly string[]): Statement => {
  const values = valuesOf([organization, at])
  const ids = among && `and id = any (array(select jsonb_array_elements_text(${values.add(stringify(among), 'jsonb')})))`
  const text = `with gone as (
  update rag_documents
  set deleted_at = $2::timestamptz, updated_at = $2::timestamptz, chunks_hash = null, chunk_count = null, version = nextval('row_version')
  where ${liked(where, values)} ${ids ?? ''}
  returning 1
)
select count(*) from gone`
  return { name: 'documents.remove_where', nameless: true, text, values: values.list }
}
