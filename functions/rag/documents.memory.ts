import { Refusal } from '../../shared/errors.ts'
import { canonicalText, type Json } from '../../shared/json.ts'
import { matches } from '../../shared/matches.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import type { Document } from './documents.schema.ts'
import type { DocumentChange, DocumentStore, GivenChunk, NewDocument } from './documents.store.ts'

/** The chunks that a caller gave: their vectors as 1536 numbers of 32 bits. What we cut ourselves is not kept: Postgres alone searches. */
type Chunks = { content: string; embedding: number[] | null }[] | null
type Kept = Omit<Document, 'version'> & { chunks: Chunks; extra?: unknown }
export type DocumentTable = Table<Kept, Document>

export const documentTable = (): DocumentTable =>
  makeTable({
    render: ({ chunks: _, extra: __, ...document }, version) => ({ ...document, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

const chunksOf = (given: readonly GivenChunk[] | null): Chunks =>
  given?.map(({ content, embedding }) => ({ content, embedding: embedding ? [...embedding] : null })) ?? null

const SAID = ['title', 'content', 'metadata', 'language', 'embedding', 'chunks'] as const
const same = (a: Kept, b: Kept): boolean => SAID.every(field => canonicalText(a[field] as Json) === canonicalText(b[field] as Json))

/** What a change makes of a document: undefined where that is the same. */
const changed = (kept: Kept, { pieces, ...change }: DocumentChange, at: string): Kept | undefined => {
  const said = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  const embedding = change.content === undefined || change.content === kept.content ? kept.embedding : null
  const next = { ...kept, embedding, ...said, chunks: pieces ? chunksOf(pieces.given) : kept.chunks, updated_at: at }
  return same(kept, next) ? undefined : next
}

/** Documents in this process: what the dictionary did. */
export const memoryDocuments = (table: DocumentTable = documentTable()): DocumentStore => {
  const put = (organization_id: string, { id, pieces, ...fields }: NewDocument, at: string, ifMatch?: string): Row<Document> => {
    const fresh = (): Kept => ({ id, organization_id, ...fields, chunks: chunksOf(pieces.given), created_at: at, updated_at: at })
    const change = (kept: Kept | undefined) => (kept ? changed(kept, { ...fields, pieces }, at) : fresh())
    return (table.put(organization_id, id, change, ifMatch) ?? table.get(organization_id, id)) as Row<Document>
  }
  const remove = (organization: string, id: string, at: string, ifMatch?: string) =>
    table.remove(organization, id, kept => ({ ...kept, chunks: null, updated_at: at }), ifMatch)
  const liked = (organization: string, where: Where): string[] =>
    [...table.walk(organization, undefined)].filter(({ value }) => matches(where, value.metadata)).map(({ value }) => value.id)

  return {
    get: async ({ organization_id }, id) => table.get(organization_id, id),
    list: async ({ organization_id }, slice) => table.list(organization_id, slice),
    matching: async ({ organization_id }, where) => liked(organization_id, where),
    create: async ({ organization_id }, documents, mode, at, path) => {
      const taken = mode === 'error' ? documents.findIndex(({ id }) => table.peek(organization_id, id)) : -1
      if (taken >= 0) throw alreadyThere(documents[taken]?.id as string, path && `${path}/${taken}/id`)
      return documents.map(document => put(organization_id, document, at))
    },
    put: async ({ organization_id }, document, at, ifMatch) => {
      const created = table.peek(organization_id, document.id) === undefined
      if (created && ifMatch !== undefined) throw gone(document.id)
      return { row: put(organization_id, document, at, ifMatch), created }
    },
    update: async ({ organization_id }, id, change, at, ifMatch) =>
      table.put(organization_id, id, kept => kept && changed(kept, change, at), ifMatch) ?? table.get(organization_id, id),
    remove: async ({ organization_id }, id, at, ifMatch) => remove(organization_id, id, at, ifMatch),
    removeWhere: async ({ organization_id }, where, at, among) => {
      const chosen = among && new Set(among)
      const ids = liked(organization_id, where).filter(id => chosen === undefined || chosen.has(id))
      for (const id of ids) remove(organization_id, id, at)
      return ids.length
    },
  }
}

const alreadyThere = (id: string, path: string): Refusal => {
  const message = `document ${id} exists already`
  return new Refusal('conflict', message, path === '' ? {} : { errors: [{ path, message }] })
}

const gone = (id: string): Refusal => new Refusal('version_mismatch', `there is no document ${id} any more`)
