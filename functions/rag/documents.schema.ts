import { z } from 'zod'
import { Vector } from '../../shared/embeddings/shape.ts'
import { Id, JsonObject, recordFields } from '../../shared/shapes.ts'
import { WhereShape } from '../../shared/where.ts'

const MOST_CHUNKS = 5000
const Chunk = z.strictObject({
  content: z
    .string()
    .max(100_000)
    .refine(text => text.trim() !== '', 'must not be blank'),
  embedding: Vector.optional(),
})

const fields = {
  title: z.string().min(1).max(2000),
  content: z.string().min(1).max(10_000_000),
  metadata: JsonObject,
  /** ISO 639. */
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/)
    .nullable(),
  embedding: Vector.nullable(),
}

/** A document as it is answered. An imported one may have an empty title or content. */
export const Document = z.object({
  ...recordFields,
  title: z.string(),
  content: z.string(),
  metadata: JsonObject,
  language: z.string().nullable(),
  embedding: z.array(z.number()).nullable(),
})
export type Document = z.infer<typeof Document>

/** Without `chunks` the content is cut up here. */
export const DocumentPut = z.strictObject({
  title: fields.title,
  content: fields.content,
  metadata: fields.metadata.optional(),
  language: fields.language.optional(),
  embedding: fields.embedding.optional(),
  chunks: z.array(Chunk).min(1).max(MOST_CHUNKS).optional(),
})
export type DocumentPut = z.output<typeof DocumentPut>

export const DocumentPatch = DocumentPut.partial()
export type DocumentPatch = z.output<typeof DocumentPatch>

export const DocumentCreate = DocumentPut.extend({ id: Id.optional() })
export type DocumentCreate = z.output<typeof DocumentCreate>

/** What becomes of a document whose id is taken: all of the request is refused, or it is replaced. */
export const Mode = z.enum(['error', 'replace'])
export type Mode = z.infer<typeof Mode>

const Documents = z
  .strictObject({ documents: z.array(DocumentCreate).min(1).max(200), on_conflict: Mode.optional() })
  .superRefine(({ documents }, context) => {
    const seen = new Set<string>()
    for (const [i, { id }] of documents.entries()) {
      if (id !== undefined && seen.has(id))
        context.addIssue({ code: 'custom', path: ['documents', i, 'id'], message: 'is given more than once' })
      if (id !== undefined) seen.add(id)
    }
  })

/** One document, or several. */
export const DocumentsCreate = z.union([Documents, DocumentCreate])
export const DocumentsCreated = z.union([Document, z.object({ items: z.array(Document) })])

/** The filter is over the metadata. */
export const DocumentsDelete = z.strictObject({ where: WhereShape })
export const Deleted = z.object({ deleted: z.number().int() })
