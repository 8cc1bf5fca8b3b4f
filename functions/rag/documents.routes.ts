import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { found } from '../../shared/http/found.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import type { Row } from '../../shared/record.ts'
import { Ref } from '../../shared/shapes.ts'
import {
  Deleted,
  Document,
  type DocumentPatch,
  DocumentPut,
  DocumentsCreate,
  DocumentsCreated,
  DocumentsDelete,
  DocumentPatch as Patch,
} from './documents.schema.ts'
import type { DocumentChange, DocumentStore, EmbeddedStore, NewDocument } from './documents.store.ts'
import { piecesOf } from './pieces.ts'

/** `embedded` is asked before the provider, of documents that may be there already. */
type Deps = { documents: DocumentStore; embeddings: Embeddings | undefined; embedded: EmbeddedStore | undefined }
const route = routesOf<Deps>()

/** Documents with their pieces, which have their vectors before any transaction begins. */
const cutUp = async (
  scope: Scope,
  { embeddings, embedded }: Partial<Deps>,
  documents: readonly ({ id?: string | undefined } & DocumentPut)[],
) => {
  const pieces = await piecesOf(embeddings, scope, documents, embedded)
  return documents.map(({ id = newId('doc'), title, content, metadata = {}, language = null, embedding = null }, i): NewDocument => {
    return { id, title, content, metadata, language, embedding, pieces: pieces[i] as NewDocument['pieces'] }
  })
}

const changeOf = async (
  scope: Scope,
  { embeddings, embedded }: Deps,
  id: string,
  { chunks, ...fields }: DocumentPatch,
): Promise<DocumentChange> => {
  if (fields.content === undefined && chunks === undefined) return fields
  const [pieces] = await piecesOf(embeddings, scope, [{ id, content: fields.content, chunks }], embedded)
  return { ...fields, pieces }
}

export const documentRoutes = [
  route({
    method: 'post',
    path: '/documents',
    summary: 'Create a document, or up to 200 in one go: all or none. What is there unchanged is not written again',
    role: 'member',
    body: DocumentsCreate,
    returns: DocumentsCreated,
    status: 201,
    bodyLimit: MANY,
    handle: async ({ body, scope, now }, deps) => {
      const { embeddings } = deps
      if (!('documents' in body))
        return (await deps.documents.create(scope, await cutUp(scope, { embeddings }, [body]), 'error', now, ''))[0] as Row<Document>
      const mode = body.on_conflict ?? 'error'
      const documents = await cutUp(scope, mode === 'error' ? { embeddings } : deps, body.documents)
      return { rows: await deps.documents.create(scope, documents, mode, now, 'documents') }
    },
  }),
  route({
    method: 'get',
    path: '/documents',
    summary: 'List documents, newest first',
    role: 'viewer',
    lists: Document,
    handle: ({ scope, slice }, { documents }) => documents.list(scope, slice),
  }),
  route({
    method: 'post',
    path: '/documents/delete',
    summary: 'Remove the documents whose metadata a filter matches',
    role: 'member',
    body: DocumentsDelete,
    returns: Deleted,
    handle: async ({ body, scope, now }, { documents }) => ({ deleted: await documents.removeWhere(scope, body.where, now) }),
  }),
  route({
    method: 'get',
    path: '/documents/:id',
    summary: 'Get a document',
    role: 'viewer',
    params: Ref,
    returns: Document,
    handle: async ({ params, scope }, { documents }) => found('document', params.id, await documents.get(scope, params.id)),
  }),
  route({
    method: 'put',
    path: '/documents/:id',
    summary: 'Make a document, or replace it whole; what is there unchanged is not written again',
    role: 'member',
    params: Ref,
    body: DocumentPut,
    returns: Document,
    bodyLimit: MANY,
    handle: async ({ params, body, scope, ifMatch, now }, deps) => {
      const [document] = await cutUp(scope, deps, [{ ...body, id: params.id }])
      return deps.documents.put(scope, document as NewDocument, now, ifMatch)
    },
  }),
  route({
    method: 'patch',
    path: '/documents/:id',
    summary: 'Change a document; where its content changes it is cut up anew, and its embedding goes unless another comes along',
    role: 'member',
    params: Ref,
    body: Patch,
    returns: Document,
    bodyLimit: MANY,
    handle: async ({ params, body, scope, ifMatch, now }, deps) =>
      found(
        'document',
        params.id,
        await deps.documents.update(scope, params.id, await changeOf(scope, deps, params.id, body), now, ifMatch),
      ),
  }),
  route({
    method: 'delete',
    path: '/documents/:id',
    summary: 'Remove a document with its chunks',
    role: 'member',
    params: Ref,
    handle: async ({ params, scope, ifMatch, now }, { documents }) => {
      found('document', params.id, await documents.remove(scope, params.id, now, ifMatch))
    },
  }),
]
