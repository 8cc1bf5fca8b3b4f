import type { Scope } from '../../shared/db/scope.ts'
import type { Embedded } from '../../shared/embeddings/items.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import type { Faq } from './faqs.schema.ts'

export type FaqFields = {
  question: string
  answer: string
  category: string | null
  metadata: { [field: string]: Json }
  language: string | null
}
export type NewFaq = FaqFields & { id: string; embedded: Embedded }
/** What is undefined stays. */
export type FaqChange = { [F in keyof FaqFields]?: FaqFields[F] | undefined }

/**
 * Questions with their answers, which are written with the vectors of their texts (question and answer, a line each); those of another
 * text go. Throws version_mismatch when `ifMatch` is not the record's version.
 */
export type FaqStore = {
  get(scope: Scope, id: string): Promise<Row<Faq> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice): Promise<Page<Faq>>
  /** The ids of those whose metadata and category a filter likes, by id. */
  matching(scope: Scope, where: Where): Promise<string[]>
  /** All or none, in their order: throws conflict where one is there already. `path` is where they stand. */
  create(scope: Scope, faqs: NewFaq[], at: string, path: 'faqs' | ''): Promise<Row<Faq>[]>
  /** Makes it, or replaces it whole. */
  put(scope: Scope, faq: NewFaq, at: string, ifMatch: string | undefined): Promise<{ row: Row<Faq>; created: boolean }>
  update(
    scope: Scope,
    id: string,
    change: FaqChange,
    embedded: Embedded,
    at: string,
    ifMatch: string | undefined,
  ): Promise<Row<Faq> | undefined>
  /** The tombstone of what was removed; its vectors are gone. */
  remove(scope: Scope, id: string, at: string, ifMatch: string | undefined): Promise<Row<Faq> | undefined>
  /** How many were removed; with `among` only of those ids, which a stage that holds a memory must know before. */
  removeWhere(scope: Scope, where: Where, at: string, among?: readonly string[]): Promise<number>
}

const itself = (id: string): string => id

/** What a write is about must be known before it: hence `among`. */
export const faqMethods: Methods<FaqStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  matching: { kind: 'read' },
  create: { kind: 'write', key: (faqs: NewFaq[]) => faqs.map(({ id }) => id) },
  put: { kind: 'write', key: ({ id }: NewFaq) => id },
  update: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
  removeWhere: { kind: 'write', key: (_: Where, __: string, among?: readonly string[]) => among },
}
