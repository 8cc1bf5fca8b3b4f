import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import type { Document, Mode } from './documents.schema.ts'

/** What a caller says of a document. `embedding` is of the whole of it, as it was given. */
export type Fields = {
  title: string
  content: string
  metadata: { [field: string]: Json }
  language: string | null
  embedding: number[] | null
}

/** A chunk that the caller gave: its vector of unit length, padded to 1536. */
export type GivenChunk = { content: string; embedding: Float32Array | undefined }

/** The model that made vectors. */
export type Model = Pick<Embeddings, 'provider' | 'model' | 'dimensions'>

/** What a document is cut into, in order, with the vectors that are known. */
export type Pieces = {
  /** As the caller gave them; null where we cut. */
  given: GivenChunk[] | null
  /** Of the given ones: equal hashes are equal chunks with equal vectors. */
  hash: string | null
  list: { content: string; overlap: number; vector: Float32Array | undefined }[]
  /** Whose vectors those of `list` are. `overlap`: so many characters of a piece are the one's before it. */
  model: Model | undefined
  state: 'pending' | 'done' | 'failed' | 'none'
}

/** A document with what it is cut into. */
export type NewDocument = Fields & { id: string; pieces: Pieces }

/** What of a document is to be another; where the content is, so are the pieces. */
export type DocumentChange = { [F in keyof Fields]?: Fields[F] | undefined } & { pieces?: Pieces | undefined }

/**
 * Documents, and the pieces that are searched. What is written as it is there already writes nothing: the record keeps its version.
 * Another content takes the embedding of the former one away. Throws version_mismatch when `ifMatch` is not the record's version.
 */
export type DocumentStore = {
  get(scope: Scope, id: string): Promise<Row<Document> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice): Promise<Page<Document>>
  /** The ids of those whose metadata a filter likes. */
  matching(scope: Scope, where: Where): Promise<string[]>
  /** All or none, in their order: throws conflict where one is there already and is not to be replaced. `path` is where they stand. */
  create(scope: Scope, documents: NewDocument[], mode: Mode, at: string, path: 'documents' | ''): Promise<Row<Document>[]>
  put(scope: Scope, document: NewDocument, at: string, ifMatch: string | undefined): Promise<{ row: Row<Document>; created: boolean }>
  update(scope: Scope, id: string, change: DocumentChange, at: string, ifMatch: string | undefined): Promise<Row<Document> | undefined>
  /** The tombstone of what was removed. */
  remove(scope: Scope, id: string, at: string, ifMatch: string | undefined): Promise<Row<Document> | undefined>
  /** How many were removed; with `among` only of those ids, which a stage that holds a memory must know before. */
  removeWhere(scope: Scope, where: Where, at: string, among?: readonly string[]): Promise<number>
}

/** What a document is to be: SHA-256 of its content, undefined where that stays, and what tells the chunks that its caller gave. */
export type Told = { id: string; content: string | undefined; chunks: string | null }

/** What Postgres knows of the documents' vectors: nothing but in the stage `complete`. */
export type EmbeddedStore = {
  /** The ids of those that are there as they are told, with the vectors of all their pieces. */
  unchanged(scope: Scope, told: readonly Told[]): Promise<ReadonlySet<string>>
}

/** A document that is still to be cut up. */
export type Uncut = { organization_id: string; id: string; version: string; content: string }

/** Documents to cut up, across organizations: for the role agenthub_jobs. */
export type CutStore = {
  /** Some documents behind `after`. */
  page(scope: Scope, after: Pick<Uncut, 'organization_id' | 'id'>): Promise<Uncut[]>
  /** Keeps the pieces of documents of the scope's organization; one that has changed since it was read is left alone. */
  write(scope: Scope, documents: (Pick<Uncut, 'id' | 'version'> & { pieces: Pieces })[]): Promise<void>
}

const itself = (id: string): string => id

/** What a write is about must be known before it: hence `among`. */
export const documentMethods: Methods<DocumentStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  matching: { kind: 'read' },
  create: { kind: 'write', key: (documents: NewDocument[]) => documents.map(({ id }) => id) },
  put: { kind: 'write', key: ({ id }: NewDocument) => id },
  update: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
  removeWhere: { kind: 'write', key: (_: Where, __: string, among?: readonly string[]) => among },
}
