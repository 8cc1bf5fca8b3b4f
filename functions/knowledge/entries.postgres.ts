import type { Columns, Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, NEWEST, oneRow, orLeft, stamps, toPage } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { embeddedRows, embeddedValue, keepVectors, removeStale, stateAfter, stateOf } from '../../shared/db/vectors.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'
import { stringify } from '../../shared/json.ts'
import type { Entry } from './entries.schema.ts'
import type { EntryStore } from './entries.store.ts'

const json = jsonOf(`id, organization_id, agent_id, title, content, tags, language, ${stamps}`)

const get = `select id, version, ${json} from knowledge_entries
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, iso(created_at), id from knowledge_entries
where organization_id = $1 and deleted_at is null
  and (created_at, id) < ($3::timestamptz, $4)
  and ($5::text is null or agent_id = $5)
order by created_at desc, id desc
limit $2::int + 1`

/** The agent that is named, who must be there, or null. */
const agent = (name: string) => `case when ${name} is not null then coalesce(
    (select a.id from agents a where a.organization_id = $1 and a.id = ${name} and a.deleted_at is null),
    refuse('AH400', 'there is no such agent', 'agent_id')) end`

const textsOf = (list: string) => `array(select jsonb_array_elements_text(${list}))`
const [text, before] = [embeddedSql.knowledge('n.'), embeddedSql.knowledge('r.')]

/** A removed entry's id is free again: its tombstone comes back to life, with nothing of the old one in it. */
const create = `with ${embeddedRows('$5')}, given as materialized (
  select $2::text as id, ${agent("$3::jsonb ->> 'agent_id'")} as agent_id, $3::jsonb ->> 'title' as title, $3::jsonb ->> 'content' as content,
    ${textsOf("$3::jsonb -> 'tags'")} as tags, $3::jsonb ->> 'language' as language
), made as (
  insert into knowledge_entries as r
    (organization_id, id, agent_id, title, content, tags, language, embedding_state, version, created_at, updated_at)
  select $1, n.id, agent_id, title, content, tags, language, ${stateOf(text)}, nextval('row_version'), $4, $4
  from given n join embedded e using (id)
  on conflict (organization_id, id) do update
  set agent_id = excluded.agent_id, title = excluded.title, content = excluded.content, tags = excluded.tags, language = excluded.language,
    embedding_state = excluded.embedding_state, extra = null, version = nextval('row_version'), created_at = excluded.created_at,
    updated_at = excluded.updated_at, deleted_at = null
  where r.deleted_at is not null
  returning *
), ${keepVectors('knowledge', 'made')}
select id, version, ${json} from made`

const update = `with ${embeddedRows('$6')}, changed as (
  update knowledge_entries r
  set (agent_id, title, content, tags, language, embedding_state) = (
      select n.agent_id, n.title, n.content, n.tags, n.language, ${stateAfter(text, before, 'r.embedding_state')}
      from (
        select case when patch ? 'agent_id' then ${agent("patch ->> 'agent_id'")} else r.agent_id end as agent_id,
          coalesce(patch ->> 'title', r.title) as title, coalesce(patch ->> 'content', r.content) as content,
          case when patch ? 'tags' then ${textsOf("patch -> 'tags'")} else r.tags end as tags,
          case when patch ? 'language' then patch ->> 'language' else r.language end as language
      ) n
    ), version = nextval('row_version'), updated_at = $4
  from (select $5::jsonb as patch) given, embedded e
  where r.organization_id = $1 and r.id = $2 and e.id = r.id and deleted_at is null and version = coalesce($3, version)
  returning r.*
), ${keepVectors('knowledge', 'changed')}
select id, version, ${json} from changed
union all
select id, version, null from knowledge_entries
where organization_id = $1 and id = $2 and deleted_at is null and not exists (select from changed)`

const remove = orLeft(
  'knowledge_entries',
  `update knowledge_entries
set deleted_at = $4, updated_at = $4, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

/** Entries in Postgres, one round trip a method. */
export const postgresEntries = (db: Database): EntryStore => {
  /** A statement that writes an entry, and the removal of what is no more its vector. */
  const write = async (scope: Scope, id: string, statement: Statement): Promise<Columns[]> =>
    (await db.writeAll(scope, statement, removeStale('knowledge', scope.organization_id, [id])))[0] as Columns[]

  return {
    get: async (scope, id) => oneRow<Entry>(await db.read(scope, { name: 'entries.get', text: get, values: [scope.organization_id, id] })),
    list: async (scope, slice, { agent_id = null }) => {
      const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST), agent_id]
      const planned = agent_id === null ? 'once' : undefined // those of an agent have an index of their own
      return toPage<Entry>(await db.read(scope, { name: 'entries.list', text: list, values, planned }), slice)
    },
    create: async (scope, { id, at, ...entry }, embedded) => {
      const values = [scope.organization_id, id, stringify(entry), at, embeddedValue([{ id, embedded }])]
      return oneRow<Entry>(await write(scope, id, { name: 'entries.create', text: create, values }))
    },
    update: async (scope, id, patch, embedded, at, ifMatch) => {
      const values = [scope.organization_id, id, ifMatch ?? null, at, stringify(patch), embeddedValue([{ id, embedded }])]
      return changedRow<Entry>(await write(scope, id, { name: 'entries.update', text: update, values }))
    },
    remove: async (scope, id, at, ifMatch) => {
      const values = [scope.organization_id, id, ifMatch ?? null, at]
      return changedRow<Entry>(await write(scope, id, { name: 'entries.remove', text: remove, values }))
    },
  }
}
