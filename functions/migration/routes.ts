import type { Collection } from '../../shared/db/legacy.ts'
import { found } from '../../shared/http/found.ts'
import { routesOf, type Upload } from '../../shared/http/route.ts'
import { linesOfBody, wholly } from './body.ts'
import { CollectionRef, Compared, CompareQuery, ExportQuery, Imported, ImportQuery } from './schema.ts'
import type { Upload as Dictionary, DictionaryStore, Part } from './store.ts'

export type MigrationDeps = { dictionaries: DictionaryStore; collections: readonly Collection[] }

const route = routesOf<MigrationDeps>()

const NDJSON = 'application/x-ndjson'
const DICTIONARY = { bodyLimit: 32 * 1024 * 1024, uploads: ['application/json', NDJSON] }

const named = (collections: readonly Collection[], name: string): Collection =>
  found(
    'collection',
    name,
    collections.find(collection => collection.name === name),
  )

const uploadOf = ({ type, chunks }: Upload, collection: Collection): Dictionary => {
  const lines = linesOfBody(chunks, type === NDJSON, collection)
  return type === NDJSON ? { lines, whole: false } : { lines: wholly(lines), whole: true }
}

const partOf = ({ run, last }: { run?: string | undefined; last?: 'true' | 'false' | undefined }): Part | undefined =>
  run === undefined ? undefined : { run, last: last === 'true' }

export const dictionaryRoutes = [
  route({
    method: 'post',
    path: '/collections/:name/import',
    summary: 'Import a dictionary: one JSON object, or NDJSON lines {"key": ..., "value": ...}',
    role: 'platform',
    params: CollectionRef,
    query: ImportQuery,
    ...DICTIONARY,
    reads: true, // it is idempotent by itself
    returns: Imported,
    handle: ({ params, query, upload, scope }, { dictionaries, collections }) => {
      const collection = named(collections, params.name)
      return dictionaries.import(scope, collection, uploadOf(upload, collection), { none: query.organization })
    },
  }),
  route({
    method: 'post',
    path: '/collections/:name/compare',
    summary: 'Compare a dictionary with what is stored, entry by entry',
    role: 'platform',
    params: CollectionRef,
    query: CompareQuery,
    ...DICTIONARY,
    reads: true,
    returns: Compared,
    handle: ({ params, query, upload, scope }, { dictionaries, collections }) => {
      const collection = named(collections, params.name)
      const bounds = { none: query.organization, only: query.only_organization }
      return dictionaries.compare(scope, collection, uploadOf(upload, collection), bounds, partOf(query))
    },
  }),
  route({
    method: 'get',
    path: '/collections/:name/export',
    summary: 'Export a collection as the dictionary that it was',
    role: 'platform',
    params: CollectionRef,
    query: ExportQuery,
    handle: ({ params, query, scope }, { dictionaries, collections }) => ({
      type: 'application/json',
      stream: dictionaries.export(scope, named(collections, params.name), {
        none: query.organization,
        only: query.only_organization,
      }),
    }),
  }),
]
