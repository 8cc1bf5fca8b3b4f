import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { type Embedded, embedItems } from '../../shared/embeddings/items.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { found } from '../../shared/http/found.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { parse, type Row } from '../../shared/record.ts'
import { Ref } from '../../shared/shapes.ts'
import { Deleted } from './documents.schema.ts'
import { Faq, FaqPatch, FaqPut, FaqsCreate, FaqsCreated, FaqsDelete } from './faqs.schema.ts'
import type { FaqFields, FaqStore } from './faqs.store.ts'

type Deps = { faqs: FaqStore; embeddings: Embeddings | undefined }
const route = routesOf<Deps>()

/** What a body that says all of a question leaves open. */
const whole = ({ question, answer, category = null, metadata = {}, language = null }: FaqPut): FaqFields => ({
  question,
  answer,
  category,
  metadata,
  language,
})

type Texts = { question?: string | undefined; answer?: string | undefined; embedding?: number[] | undefined }

/** The vector of a question that may be there already: the model is asked only where the text becomes another. */
const embedChange = async (
  { faqs, embeddings }: Deps,
  scope: Scope,
  id: string,
  { question, answer, embedding }: Texts,
): Promise<Embedded> => {
  const changedText = async (): Promise<string | undefined> => {
    if (!embeddings || embedding || (question ?? answer) === undefined) return undefined
    const row = await faqs.get(scope, id)
    const before = row && parse(row)
    const after = { question: question ?? before?.question, answer: answer ?? before?.answer }
    if (after.question === undefined || after.answer === undefined) return undefined
    const text = embeddedText.faqs({ question: after.question, answer: after.answer })
    return before && embeddedText.faqs(before) === text ? undefined : text
  }
  const [embedded] = await embedItems(embeddings, scope, [{ text: await changedText(), brought: embedding }])
  return embedded as Embedded
}

export const faqRoutes = [
  route({
    method: 'post',
    path: '/faqs',
    summary: 'Create a question with its answer, or up to 200 in one go: all or none',
    role: 'member',
    body: FaqsCreate,
    returns: FaqsCreated,
    status: 201,
    bodyLimit: MANY,
    handle: async ({ body, scope, now }, { faqs, embeddings }) => {
      const several = 'faqs' in body
      const given = several ? body.faqs : [body]
      const vectors = await embedItems(
        embeddings,
        scope,
        given.map(faq => ({ text: embeddedText.faqs(faq), brought: faq.embedding })),
      )
      const items = given.map(({ id = newId('faq'), ...faq }, i) => ({ ...whole(faq), id, embedded: vectors[i] as Embedded }))
      const rows = await faqs.create(scope, items, now, several ? 'faqs' : '')
      return several ? { rows } : (rows[0] as Row<Faq>)
    },
  }),
  route({
    method: 'get',
    path: '/faqs',
    summary: 'List questions with their answers, newest first',
    role: 'viewer',
    lists: Faq,
    handle: ({ scope, slice }, { faqs }) => faqs.list(scope, slice),
  }),
  route({
    method: 'get',
    path: '/faqs/:id',
    summary: 'Get a question with its answer',
    role: 'viewer',
    params: Ref,
    returns: Faq,
    handle: async ({ params, scope }, { faqs }) => found('faq', params.id, await faqs.get(scope, params.id)),
  }),
  route({
    method: 'put',
    path: '/faqs/:id',
    summary: 'Make a question with its answer, or replace it whole; the vector of an unchanged text stays',
    role: 'member',
    params: Ref,
    body: FaqPut,
    returns: Faq,
    handle: async ({ params: { id }, body, scope, ifMatch, now }, deps) =>
      deps.faqs.put(scope, { ...whole(body), id, embedded: await embedChange(deps, scope, id, body) }, now, ifMatch),
  }),
  route({
    method: 'patch',
    path: '/faqs/:id',
    summary: 'Update a question or its answer; metadata is replaced whole',
    role: 'member',
    params: Ref,
    body: FaqPatch,
    returns: Faq,
    handle: async ({ params: { id }, body, scope, ifMatch, now }, deps) => {
      const { embedding: _, ...change } = body
      const embedded = await embedChange(deps, scope, id, body)
      return found('faq', id, await deps.faqs.update(scope, id, change, embedded, now, ifMatch))
    },
  }),
  route({
    method: 'delete',
    path: '/faqs/:id',
    summary: 'Remove a question with its answer',
    role: 'member',
    params: Ref,
    handle: async ({ params, scope, ifMatch, now }, { faqs }) => {
      found('faq', params.id, await faqs.remove(scope, params.id, now, ifMatch))
    },
  }),
  route({
    method: 'post',
    path: '/faqs/delete',
    summary: 'Remove the questions whose metadata and category a filter matches',
    role: 'member',
    body: FaqsDelete,
    returns: Deleted,
    handle: async ({ body, scope, now }, { faqs }) => ({ deleted: await faqs.removeWhere(scope, body.where, now) }),
  }),
]
