import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { type Embedded, embedItems } from '../../shared/embeddings/items.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { found, made } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { parse } from '../../shared/record.ts'
import { Ref } from '../../shared/shapes.ts'
import { Entry, EntryCreate, EntryFilter, EntryPatch } from './entries.schema.ts'
import type { EntryStore } from './entries.store.ts'

type Deps = { entries: EntryStore; model: Embeddings | undefined }
const route = routesOf<Deps>()

/** The vector of an entry: the one that a caller brings, else the model's of its text. */
const embed = async ({ model }: Deps, scope: Scope, text: string | undefined, brought: number[] | undefined): Promise<Embedded> =>
  (await embedItems(model, scope, [{ text, brought }]))[0] as Embedded

/** The text that a patch leaves an entry with, undefined where the model is not asked: it stays as it is, or a vector comes along. */
const changedText = async ({ entries, model }: Deps, scope: Scope, id: string, patch: EntryPatch): Promise<string | undefined> => {
  const { title, content, tags, embedding } = patch
  if (!model || embedding || (title ?? content ?? tags) === undefined) return undefined
  const present = parse(found('entry', id, await entries.get(scope, id)))
  const [before, after] = [present, { title: title ?? present.title, content: content ?? present.content, tags: tags ?? present.tags }]
  const text = embeddedText.knowledge(after)
  return text === embeddedText.knowledge(before) ? undefined : text
}

export const entryRoutes = [
  route({
    method: 'post',
    path: '/entries',
    summary: 'Create an entry of knowledge',
    role: 'member',
    body: EntryCreate,
    returns: Entry,
    status: 201,
    handle: async ({ body, scope, now }, deps) => {
      const { id = newId('kno'), agent_id = null, tags = [], language = null, embedding, ...texts } = body
      const entry = { ...texts, id, agent_id, tags, language, at: now }
      const embedded = await embed(deps, scope, embeddedText.knowledge(entry), embedding)
      return made('entry', id, await deps.entries.create(scope, entry, embedded))
    },
  }),
  route({
    method: 'get',
    path: '/entries',
    summary: 'List entries, newest first',
    role: 'viewer',
    query: EntryFilter,
    lists: Entry,
    handle: ({ query, scope, slice }, { entries }) => entries.list(scope, slice, query),
  }),
  route({
    method: 'get',
    path: '/entries/:id',
    summary: 'Get an entry',
    role: 'viewer',
    params: Ref,
    returns: Entry,
    handle: async ({ params, scope }, { entries }) => found('entry', params.id, await entries.get(scope, params.id)),
  }),
  route({
    method: 'patch',
    path: '/entries/:id',
    summary: 'Update an entry; tags are replaced whole',
    role: 'member',
    params: Ref,
    body: EntryPatch,
    returns: Entry,
    handle: async ({ params: { id }, body, scope, ifMatch, now }, deps) => {
      const { embedding, ...change } = body
      const embedded = await embed(deps, scope, await changedText(deps, scope, id, body), embedding)
      return found('entry', id, await deps.entries.update(scope, id, change, embedded, now, ifMatch))
    },
  }),
  route({
    method: 'delete',
    path: '/entries/:id',
    summary: 'Remove an entry',
    role: 'member',
    params: Ref,
    handle: async ({ params, scope, ifMatch, now }, { entries }) => {
      found('entry', params.id, await entries.remove(scope, params.id, now, ifMatch))
    },
  }),
]
