import { expect } from 'vitest'
import type { Mode } from '../../functions/database/schema.ts'
import type { Asked, Change, NewRecord } from '../../functions/database/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { type Code, Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import type { Json } from '../../shared/json.ts'
import type { Slice } from '../../shared/record.ts'
import { WhereShape } from '../../shared/where.ts'
import { all, at, type Made } from './support.ts'
import type { Stores } from './tables.contract.ts'

export const columns = {
  text: 'string',
  count: { type: 'integer', indexed: true },
  price: { type: 'number', indexed: true },
  done: 'boolean',
  at: { type: 'timestamp', indexed: true },
  any: 'json',
  key: 'uuid',
  named: { type: 'string', references: 'strict' },
  next: { type: 'reference', references: 't' },
} as const

export type Data = NewRecord['data']

/** What the contracts of records do again and again, with the stores that there will be. */
export const toolsOf = (made: () => Made<Stores>) => {
  const stores = () => made().stores
  const scopeOf = (organization: string): Scope => made().scope(organization)
  /** An organization with the table t, whose columns are open, and its strict twin. */
  const own = async (): Promise<Scope> => {
    const scope = scopeOf(newId('org'))
    await stores().tables.put(scope, 't', { columns, strict: false, at: at(0) }, undefined)
    await stores().tables.put(scope, 'strict', { columns, strict: true, at: at(0) }, undefined)
    return scope
  }
  const create = (scope: Scope, id: string, data: Data = {}, n = 1, table = 't') =>
    stores().records.create(scope, table, [{ id, data }], 'error', at(n), '')
  const many = (scope: Scope, list: NewRecord[], mode: Mode, n = 2) => stores().records.create(scope, 't', list, mode, at(n), 'records')
  const change = (scope: Scope, op: Change['op'], id: string, data?: Data, ifVersion?: string, n = 2) =>
    stores().records.change(scope, { op, table: 't', id, ifVersion, ...(data ? { data } : {}) }, at(n))
  const wire = (scope: Scope, id: string, data: Data, created = 1, updated = created) => ({
    ...{ id, organization_id: scope.organization_id, table: 't', data },
    ...{ created_at: at(created), updated_at: at(updated) },
  })
  const ids = async (scope: Scope, where: Json, more: Partial<Asked> = {}, slice: Slice = all) => {
    const asked = { where: WhereShape.parse(where), order: [], select: undefined, ...more }
    return (await stores().records.query(scope, 't', asked, slice)).items.map(({ id }) => id)
  }
  const refused = async (work: Promise<unknown>, code: Code, ...paths: string[]) => {
    const error = await work.then(
      () => undefined,
      error => error as Refusal,
    )
    expect(error).toBeInstanceOf(Refusal)
    expect([error?.code, error?.errors?.map(({ path }) => path) ?? []]).toEqual([code, paths])
  }

  return { own, create, many, change, wire, ids, refused }
}
