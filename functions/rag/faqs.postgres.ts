import type { Columns, Statement, Value } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { faqsWhere } from '../../shared/db/filters.ts'
import { changedRow, NEWEST, oneRow, toPage, toRow } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { embeddedValue, removeStale, removeVectorsOfRemoved } from '../../shared/db/vectors.ts'
import { type Values, valuesOf } from '../../shared/db/where.ts'
import { Refusal } from '../../shared/errors.ts'
import { stringify } from '../../shared/json.ts'
import type { Where } from '../../shared/where.ts'
import type { Faq } from './faqs.schema.ts'
import { create, get, list, put, remove, update } from './faqs.statements.postgres.ts'
import type { FaqStore } from './faqs.store.ts'

const among = (ids: readonly string[] | undefined, values: Values): string =>
  ids === undefined ? 'true' : `id = any (array(select jsonb_array_elements_text(${values.add(stringify(ids), 'jsonb')})))`

const matching = (organization: string, where: Where): Statement => {
  const values = valuesOf([organization])
  const text = `select id from faqs where organization_id = $1 and deleted_at is null and ${faqsWhere(where, values)} order by id`
  return { name: 'faqs.matching', nameless: true, text, values: values.list }
}

const removeWhere = (organization: string, where: Where, at: string, ids?: readonly string[]): Statement => {
  const values = valuesOf([organization, at])
  const text = `with gone as (
  update faqs set deleted_at = $2::timestamptz, updated_at = $2::timestamptz, version = nextval('row_version')
  where organization_id = $1 and deleted_at is null and ${among(ids, values)} and ${faqsWhere(where, values)}
  returning 1
) select count(*) from gone`
  return { name: 'faqs.remove_where', nameless: true, text, values: values.list }
}

/** Questions in Postgres, one round trip a method. */
export const postgresFaqs = (db: Database): FaqStore => {
  /** A statement that writes questions, and the removal of what is no more their vector. */
  const write = async (scope: Scope, ids: string[], name: string, text: string, values: Value[]): Promise<Columns[]> => {
    const { organization_id } = scope
    const stale = removeStale('faqs', organization_id, ids)
    return (await db.writeAll(scope, { name, text, values: [organization_id, ...values] }, stale))[0] as Columns[]
  }

  return {
    get: async (scope, id) => oneRow<Faq>(await db.read(scope, { name: 'faqs.get', text: get, values: [scope.organization_id, id] })),
    list: async (scope, slice) => {
      const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST)]
      return toPage<Faq>(await db.read(scope, { name: 'faqs.list', text: list, values, planned: 'once' }), slice)
    },
    matching: async (scope, where) => (await db.read(scope, matching(scope.organization_id, where))).map(([id]) => id as string),
    create: async (scope, faqs, at, path) => {
      const fields = stringify(faqs.map(({ embedded: _, ...faq }) => faq))
      const ids = faqs.map(({ id }) => id)
      return (await write(scope, ids, 'faqs.create', create, [fields, at, embeddedValue(faqs), path])).map(row => toRow<Faq>(row))
    },
    put: async (scope, { id, embedded, ...fields }, at, ifMatch) => {
      const values = [id, ifMatch ?? null, at, stringify(fields), embeddedValue([{ id, embedded }])]
      const [row] = (await write(scope, [id], 'faqs.put', put, values)) as [Columns]
      if (row[1] === null) throw new Refusal('version_mismatch', `there is no faq ${id} any more`)
      changedRow<Faq>([row])
      return { row: toRow<Faq>(row), created: row[3] === 't' }
    },
    update: async (scope, id, change, embedded, at, ifMatch) => {
      const values = [id, ifMatch ?? null, at, stringify(change), embeddedValue([{ id, embedded }])]
      return changedRow<Faq>(await write(scope, [id], 'faqs.update', update, values))
    },
    remove: async (scope, id, at, ifMatch) => changedRow<Faq>(await write(scope, [id], 'faqs.remove', remove, [id, ifMatch ?? null, at])),
    removeWhere: async (scope, where, at, ids) => {
      const { organization_id } = scope
      const gone = removeWhere(organization_id, where, at, ids)
      const [rows] = await db.writeAll(scope, gone, removeVectorsOfRemoved('faqs', organization_id, at))
      return Number(rows?.[0]?.[0])
    },
  }
}
