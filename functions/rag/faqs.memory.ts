import type { Embedded } from '../../shared/embeddings/items.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { Refusal } from '../../shared/errors.ts'
import { matches } from '../../shared/matches.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Where } from '../../shared/where.ts'
import type { Faq } from './faqs.schema.ts'
import type { FaqChange, FaqStore } from './faqs.store.ts'

/**
 * A question as it is kept: with what an import left in `extra`, and the vector that a caller brought (its 32 bits as they print with
 * 64). A model's vectors can be made again, and are not kept.
 */
type Kept = Omit<Faq, 'version'> & { vector: number[] | null; extra?: unknown }
export type FaqTable = Table<Kept, Faq>

export const faqTable = (): FaqTable =>
  makeTable({
    render: ({ vector: _, extra: __, ...faq }, version) => ({ ...faq, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

const brought = ({ vector }: Embedded): number[] | undefined => (vector?.provider === 'caller' ? [...vector.vector] : undefined)

const likes = (where: Where, { metadata, category }: Kept): boolean =>
  matches(where, category === null ? metadata : { ...metadata, category })

/** Questions in this process, as the dictionary had them. */
export const memoryFaqs = (table: FaqTable = faqTable()): FaqStore => {
  const changed = (before: Kept, change: FaqChange, embedded: Embedded, at: string): Kept => {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    const after = { ...before, ...given, updated_at: at }
    const same = embeddedText.faqs(before) === embeddedText.faqs(after)
    return { ...after, vector: brought(embedded) ?? (same ? before.vector : null) }
  }
  const bury = (at: string) => (faq: Kept) => ({ ...faq, vector: null, updated_at: at })
  const alike = (organization: string, where: Where): string[] =>
    [...table.walk(organization, undefined)].flatMap(({ value }) => (likes(where, value) ? [value.id] : []))

  return {
    get: async (scope, id) => table.get(scope.organization_id, id),
    list: async (scope, slice) => table.list(scope.organization_id, slice),
    matching: async (scope, where) => alike(scope.organization_id, where).sort(),
    create: async ({ organization_id }, faqs, at, path) => {
      for (const [i, { id }] of faqs.entries())
        if (table.peek(organization_id, id) !== undefined) {
          const message = `faq ${id} exists already`
          throw new Refusal('conflict', message, { errors: [{ path: path === '' ? 'id' : `${path}/${i}/id`, message }] })
        }
      return faqs.flatMap(({ embedded, ...faq }) => {
        const kept = { ...faq, vector: brought(embedded) ?? null, organization_id, created_at: at, updated_at: at }
        return table.create(organization_id, faq.id, kept) ?? []
      })
    },
    put: async ({ organization_id }, { embedded, ...faq }, at, ifMatch) => {
      const created = table.peek(organization_id, faq.id) === undefined
      if (created && ifMatch !== undefined) throw new Refusal('version_mismatch', `there is no faq ${faq.id} any more`)
      const made = { ...faq, vector: brought(embedded) ?? null, organization_id, created_at: at, updated_at: at }
      const row = table.put(organization_id, faq.id, before => (before ? changed(before, faq, embedded, at) : made), ifMatch)
      return { row: row as NonNullable<typeof row>, created }
    },
    update: async (scope, id, change, embedded, at, ifMatch) =>
      table.put(scope.organization_id, id, before => before && changed(before, change, embedded, at), ifMatch),
    remove: async (scope, id, at, ifMatch) => table.remove(scope.organization_id, id, bury(at), ifMatch),
    removeWhere: async ({ organization_id }, where, at, among) => {
      const chosen = among && new Set(among)
      const ids = alike(organization_id, where).filter(id => chosen === undefined || chosen.has(id))
      for (const id of ids) table.remove(organization_id, id, bury(at))
      return ids.length
    },
  }
}
