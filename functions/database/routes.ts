import { found } from '../../shared/http/found.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import type { Row } from '../../shared/record.ts'
import {
  Batch,
  BatchOf,
  DataRecord,
  Deleted,
  type Operation,
  RecordData,
  RecordDelete,
  RecordQuery,
  RecordRef,
  RecordsCreate,
  RecordsCreated,
  TableRef,
} from './schema.ts'
import type { Change, NewRecord, RecordStore } from './store.ts'

const route = routesOf<{ records: RecordStore }>()

const withId = ({ id = newId('rec'), data }: { id?: string | undefined; data: NewRecord['data'] }): NewRecord => ({ id, data })

const changeOf = (operation: Operation): Change => {
  const { op, table, id = newId('rec') } = operation
  const ifVersion = 'if_version' in operation && operation.if_version !== undefined ? String(operation.if_version) : undefined
  return { op, table, id, ifVersion, ...('data' in operation ? { data: operation.data } : {}) }
}

export const recordRoutes = [
  route({
    method: 'post',
    path: '/tables/:table/records',
    summary: 'Create a record, or up to 1,000 in one go: all or none',
    role: 'member',
    params: TableRef,
    body: RecordsCreate,
    returns: RecordsCreated,
    status: 201,
    bodyLimit: MANY,
    handle: async ({ params, body, scope, now }, { records }) => {
      if (!('records' in body)) return (await records.create(scope, params.table, [withId(body)], 'error', now, ''))[0] as Row<DataRecord>
      const { on_conflict = 'error' } = body
      return { rows: await records.create(scope, params.table, body.records.map(withId), on_conflict, now, 'records') }
    },
  }),
  route({
    method: 'get',
    path: '/tables/:table/records',
    summary: 'List records, newest first',
    role: 'viewer',
    params: TableRef,
    lists: DataRecord,
    handle: ({ params, scope, slice }, { records }) => records.list(scope, params.table, slice),
  }),
  route({
    method: 'get',
    path: '/tables/:table/records/:id',
    summary: 'Get a record',
    role: 'viewer',
    params: RecordRef,
    returns: DataRecord,
    handle: async ({ params: { table, id }, scope }, { records }) => found('record', id, await records.get(scope, table, id)),
  }),
  route({
    method: 'put',
    path: '/tables/:table/records/:id',
    summary: 'Make a record, or replace its data whole',
    role: 'member',
    params: RecordRef,
    body: RecordData,
    returns: DataRecord,
    handle: ({ params, body: { data }, scope, ifMatch, now }, { records }) =>
      records.change(scope, { op: 'replace', ...params, data, ifVersion: ifMatch }, now),
  }),
  route({
    method: 'patch',
    path: '/tables/:table/records/:id',
    summary: 'Replace some fields of a record',
    role: 'member',
    params: RecordRef,
    body: RecordData,
    returns: DataRecord,
    handle: async ({ params, body: { data }, scope, ifMatch, now }, { records }) =>
      (await records.change(scope, { op: 'merge', ...params, data, ifVersion: ifMatch }, now)).row,
  }),
  route({
    method: 'delete',
    path: '/tables/:table/records/:id',
    summary: 'Remove a record',
    role: 'member',
    params: RecordRef,
    handle: async ({ params, scope, ifMatch, now }, { records }) => {
      await records.change(scope, { op: 'remove', ...params, ifVersion: ifMatch }, now)
    },
  }),
  route({
    method: 'post',
    path: '/tables/:table/query',
    summary: 'Find records by a filter, in an order, with some of their fields',
    role: 'viewer',
    params: TableRef,
    body: RecordQuery,
    lists: DataRecord,
    reads: true,
    handle: ({ params, body: { where = { all: [] }, order = [], select }, scope, slice }, { records }) =>
      records.query(scope, params.table, { where, order, select }, slice),
  }),
  route({
    method: 'post',
    path: '/tables/:table/delete',
    summary: 'Remove the records that a filter matches',
    role: 'member',
    params: TableRef,
    body: RecordDelete,
    returns: Deleted,
    handle: async ({ params, body, scope, now }, { records }) => ({
      deleted: await records.removeWhere(scope, params.table, body.where, now),
    }),
  }),
  route({
    method: 'post',
    path: '/batch',
    summary: 'Change records of several tables, in order, all or none',
    role: 'member',
    body: BatchOf,
    returns: Batch,
    bodyLimit: MANY,
    handle: async ({ body, scope, now }, { records }) => {
      const results = await records.changeAll(scope, body.operations.map(changeOf), now)
      return { results: results.map(({ version, ...rest }) => ({ ...rest, version: Number(version) })) }
    },
  }),
]
