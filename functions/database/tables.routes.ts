import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { Table, TablePut, TableRef } from './schema.ts'
import type { TableStore } from './store.ts'

const route = routesOf<{ tables: TableStore; removeTable: TableStore['remove'] }>()

export const tableRoutes = [
  route({
    method: 'get',
    path: '/tables',
    summary: 'List tables by name',
    role: 'viewer',
    lists: Table,
    handle: ({ scope, slice }, { tables }) => tables.list(scope, slice),
  }),
  route({
    method: 'put',
    path: '/tables/:table',
    summary: 'Make a table, or replace its columns; records that are there stay as they are',
    role: 'member',
    params: TableRef,
    body: TablePut,
    returns: Table,
    handle: ({ params, body: { columns, strict = false }, scope, ifMatch, now }, { tables }) =>
      tables.put(scope, params.table, { columns, strict, at: now }, ifMatch),
  }),
  route({
    method: 'get',
    path: '/tables/:table',
    summary: 'Get a table',
    role: 'viewer',
    params: TableRef,
    returns: Table,
    handle: async ({ params, scope }, { tables }) => found('table', params.table, await tables.get(scope, params.table)),
  }),
  route({
    method: 'delete',
    path: '/tables/:table',
    summary: 'Remove a table and its records',
    role: 'member',
    params: TableRef,
    handle: async ({ params, scope, ifMatch, now }, { removeTable }) => {
      found('table', params.table, await removeTable(scope, params.table, now, ifMatch))
    },
  }),
]
