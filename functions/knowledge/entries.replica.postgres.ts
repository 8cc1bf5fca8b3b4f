import { jsonOf } from '../../shared/db/rows.ts'
import { broughtVector, removeStaleOfEntries, restoreBrought } from '../../shared/db/vectors.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const entry = jsonOf(`id, organization_id, agent_id, title, content, tags, language, ${broughtVector('knowledge')} as vector, extra,
  iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole entries with the vectors that callers brought, as memory and Postgres exchange them. A model's vectors are made again. */
export const entryReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${entry} as json from knowledge_entries i`,
  restore: [
    `insert into knowledge_entries as r
  (organization_id, id, agent_id, title, content, tags, language, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'agent_id', e ->> 'title', e ->> 'content',
  array(select jsonb_array_elements_text(e -> 'tags')), e ->> 'language', nullif(e -> 'extra', 'null'), nextval('row_version'),
  (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set agent_id = excluded.agent_id, title = excluded.title, content = excluded.content, tags = excluded.tags, language = excluded.language,
  embedding_state = case when ${embeddedSql.knowledge('r.')} = ${embeddedSql.knowledge('excluded.')} then r.embedding_state else 'pending' end,
  extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at,
  deleted_at = excluded.deleted_at`,
    removeStaleOfEntries('knowledge'),
    ...restoreBrought('knowledge'),
  ],
}
