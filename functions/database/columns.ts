import { Refusal } from '../../shared/errors.ts'
import { canonicalText, type Json } from '../../shared/json.ts'
import { compareTexts, microsecondsOf } from '../../shared/sortkey.ts'
import { isNumber, isObject } from '../../shared/where.ts'
import { type Data, recordKey } from './store.ts'

/** What a table says of its records, as far as memory must know it. */
export type Owner = { columns: Json; strict: boolean }

const columnOf = (columns: Json, field: string): Json | undefined =>
  isObject(columns) && Object.hasOwn(columns, field) ? columns[field] : undefined

/** The type that a table declares for a field, if it does. */
export const typeOf = ({ columns }: Pick<Owner, 'columns'>, field: string): string | undefined => {
  const column = columnOf(columns, field)
  const type = isObject(column) ? column.type : column
  return typeof type === 'string' ? type : undefined
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const isWhole = (value: Json): boolean => isNumber(value) && !/e-/.test(canonicalText(value))

const isText = (value: Json): value is string => typeof value === 'string'

/** What a value of each type is: must_fit() in sql/053 says the same, in the same words. */
const types: Record<string, { fits: (value: Json) => boolean; otherwise: string }> = {
  string: { fits: isText, otherwise: 'must be a string' },
  reference: { fits: isText, otherwise: 'must be a string' },
  number: { fits: isNumber, otherwise: 'must be a number' },
  integer: { fits: isWhole, otherwise: 'must be an integer' },
  boolean: { fits: value => typeof value === 'boolean', otherwise: 'must be true or false' },
  timestamp: {
    fits: value => isText(value) && microsecondsOf(value) !== undefined,
    otherwise: 'must be a time with its zone (ISO 8601)',
  },
  uuid: { fits: value => isText(value) && UUID.test(value), otherwise: 'must be a UUID' },
}

/** What is wrong with a value; `knows` tells whether a record is there. */
const problem = (owner: Owner, field: string, value: Json, knows: (key: string) => boolean): string | undefined => {
  const type = typeOf(owner, field)
  if (type === undefined) return owner.strict ? 'is unknown here' : undefined
  const known = Object.hasOwn(types, type) ? types[type] : undefined
  if (value === null || known === undefined) return undefined
  if (!known.fits(value)) return known.otherwise
  return isText(value) ? unknownRecord(owner, field, value, knows) : undefined
}

/** Types whose values may be the ids of records. */
const NAMING = ['reference', 'string', 'uuid']

const unknownRecord = ({ columns }: Owner, field: string, id: string, knows: (key: string) => boolean): string | undefined => {
  const column = columnOf(columns, field)
  const table = isObject(column) && NAMING.includes(String(column.type)) ? column.references : undefined
  return typeof table !== 'string' || knows(recordKey(table, id)) ? undefined : `there is no record ${id} in ${table}`
}

/** Throws invalid_request for data that does not fit its table, told at `path`, or at `operation` if it is of one. */
export const mustFit = (owner: Owner, data: Data, knows: (key: string) => boolean, path: string, operation = ''): void => {
  const wrong = Object.keys(data)
    .sort(compareTexts)
    .flatMap(field => {
      const message = problem(owner, field, data[field] as Json, knows)
      return message === undefined ? [] : [{ path: `${path}/${field}`, message }]
    })
  const errors = operation === '' ? wrong : wrong.map(one => ({ path: operation, message: `${one.path}: ${one.message}` }))
  const [first] = errors
  if (first) throw new Refusal('invalid_request', `${first.path}: ${first.message}`, { errors })
}
