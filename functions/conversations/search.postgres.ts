import type { Database } from '../../shared/db/database.ts'
import { jsonOf, toPage } from '../../shared/db/rows.ts'
import type { Hit } from './schema.ts'
import type { ConversationSearch } from './store.ts'

const json = jsonOf(`conversation_id, number, role, content,
  ts_headline('english', replace(replace(replace(content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), query,
    'StartSel=<mark>, StopSel=</mark>, MaxFragments=2') as highlight, score`)

/**
 * Any word may match, so that a question in natural language finds something; ranked by ts_rank with the logarithm of the
 * length (flag 1). A query with an exclusion (-word) keeps the meaning that websearch_to_tsquery gives it.
 * Only the page's rows are highlighted, and read whole: one by one (`offset 0`), for a join would read all.
 */
const search = `with asked as materialized (
  select case when q::text like '%!%' then q else replace(q::text, ' & ', ' | ')::tsquery end as query
  from (select websearch_to_tsquery('english', $3) as q) given
), page as materialized (
  select h.id as hit, h.score, query from asked, message_hits(query, $4::float4, $5, $2::int + 1) h
)
select id, version, ${json}, score, id
from page cross join lateral (select * from messages where organization_id = $1 and id = hit offset 0) m
order by score desc, id desc`

/** Full-text search over messages. */
export const postgresSearch = (db: Database): ConversationSearch => ({
  search: async (scope, q, slice) => {
    const [score = null, id = null] = slice.after ?? []
    const values = [scope.organization_id, slice.limit, q, score, id]
    return toPage<Hit>(await db.read(scope, { name: 'conversations.search', text: search, values }), slice)
  },
})
