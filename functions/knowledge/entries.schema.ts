import { z } from 'zod'
import { Vector } from '../../shared/embeddings/shape.ts'
import { Id, recordFields } from '../../shared/shapes.ts'

/** ISO 639, two or three letters; null where nobody said. */
const Language = z.string().regex(/^[a-z]{2,3}$/, 'must be a code of ISO 639, as en')

const fields = {
  agent_id: Id.nullable(),
  title: z.string().min(1).max(2000),
  content: z.string().max(1_000_000),
  tags: z.array(z.string().min(1).max(200)).max(200),
  language: Language.nullable(),
  /** Of title, content and tags; it is searched by, and not answered. */
  embedding: Vector,
}

/** An entry on the wire. An imported one shows what it came with. */
export const Entry = z.object({
  ...recordFields,
  agent_id: z.string().nullable(),
  title: z.string(),
  content: z.string(),
  tags: z.array(z.string()),
  language: z.string().nullable(),
})
export type Entry = z.infer<typeof Entry>

export const EntryCreate = z.strictObject({
  id: Id.optional(),
  agent_id: fields.agent_id.optional(),
  title: fields.title,
  content: fields.content,
  tags: fields.tags.optional(),
  language: fields.language.optional(),
  embedding: fields.embedding.optional(),
})

export const EntryPatch = z.strictObject(fields).partial()
export type EntryPatch = z.output<typeof EntryPatch>

export const EntryFilter = z.strictObject({ agent_id: z.string() }).partial()
export type EntryFilter = z.infer<typeof EntryFilter>
