import { z } from 'zod'
import { Vector } from '../../shared/embeddings/shape.ts'
import { Id, JsonObject, recordFields } from '../../shared/shapes.ts'
import { WhereShape } from '../../shared/where.ts'

const fields = {
  question: z.string().min(1).max(100_000),
  answer: z.string().max(1_000_000),
  category: z.string().max(1000).nullable(),
  /** Replaced whole. */
  metadata: JsonObject,
  /** ISO 639, two or three letters; null where nobody said. */
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/, 'must be a code of ISO 639, as en')
    .nullable(),
  /** Of question and answer; it is searched by, and not answered. */
  embedding: Vector,
}

/** A question with its answer, on the wire. An imported question may be empty. */
export const Faq = z.object({
  ...recordFields,
  question: z.string(),
  answer: z.string(),
  category: z.string().nullable(),
  metadata: JsonObject,
  language: z.string().nullable(),
})
export type Faq = z.infer<typeof Faq>

export const FaqPut = z.strictObject({
  question: fields.question,
  answer: fields.answer,
  category: fields.category.optional(),
  metadata: fields.metadata.optional(),
  language: fields.language.optional(),
  embedding: fields.embedding.optional(),
})
export type FaqPut = z.output<typeof FaqPut>

export const FaqPatch = z.strictObject(fields).partial()

const FaqCreate = FaqPut.extend({ id: Id.optional() })
export type FaqCreate = z.output<typeof FaqCreate>

const Faqs = z.strictObject({ faqs: z.array(FaqCreate).min(1).max(200) }).superRefine(({ faqs }, context) => {
  const seen = new Set<string>()
  for (const [i, { id }] of faqs.entries()) {
    if (id !== undefined && seen.has(id)) context.addIssue({ code: 'custom', path: ['faqs', i, 'id'], message: 'is given more than once' })
    if (id !== undefined) seen.add(id)
  }
})

/** One question, or several. */
export const FaqsCreate = z.union([Faqs, FaqCreate])
export const FaqsCreated = z.union([Faq, z.object({ items: z.array(Faq) })])

/** The filter looks at the metadata, and at the category where there is one. */
export const FaqsDelete = z.strictObject({ where: WhereShape })
