import type { Running } from './http.ts'

const texts = {
  knowledge:
    "(select array_to_string(array[title, content] || tags, E'\\n') from knowledge_entries i where i.organization_id = $1 and i.id = item_id)",
  faqs: "(select question || E'\\n' || answer from faqs i where i.organization_id = $1 and i.id = item_id)",
}

type Vector = { item_id: string; model: string; state: string; of: string; numbers: number[] }

/** The vectors of an organization's items, with their models, and whether they are of the text that the item has; the state of its only item. */
export const vectorsIn = async (
  { database }: Running,
  organization: string,
  collection: 'knowledge' | 'faqs',
): Promise<{ state: string | undefined; vectors: Vector[] }> => {
  const vectors = await database.sql<Vector>(
    `select item_id, model, g.state, embedding::real[] as numbers,
      case when text_hash = text_hash(${texts[collection]}) then 'the text' else 'another text' end as of
    from item_vectors v
    join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    where v.organization_id = $1 and v.collection = $2 order by item_id, g.number`,
    [organization, collection],
  )
  const table = collection === 'faqs' ? 'faqs' : 'knowledge_entries'
  const rows = await database.sql<{ state: string }>(
    `select embedding_state as state from ${table} where organization_id = $1 and deleted_at is null order by id limit 1`,
    [organization],
  )
  return { state: rows[0]?.state, vectors }
}
