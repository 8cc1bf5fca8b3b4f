import type { IsTime } from '../../shared/matches.ts'
import type { Key } from '../../shared/record.ts'
import { compareTexts, sortKey } from '../../shared/sortkey.ts'
import type { Order } from './schema.ts'
import type { Data } from './store.ts'

/** Where a record stands in an order: a key a field, then its place in the table's list. What has no order comes last, whichever way. */
export const placeOf = (order: readonly Order[], data: Data, list: Key, isTime: IsTime): Key => [
  ...order.map(({ field, direction }) => {
    const value = Object.hasOwn(data, field) ? data[field] : undefined
    return sortKey(value, isTime(field)) ?? (direction === 'desc' ? '' : '~')
  }),
  ...list,
]

/** Compares places; `compareList` compares the places in the table's list. */
export const comparePlaces =
  (order: readonly Order[], compareList: (a: Key, b: Key) => number) =>
  (a: Key, b: Key): number => {
    for (const [i, { direction }] of order.entries()) {
      const compared = compareTexts(a[i] as string, b[i] as string)
      if (compared !== 0) return direction === 'desc' ? -compared : compared
    }
    return compareList(a.slice(order.length), b.slice(order.length))
  }

/** The fields of `select`, in its order; all of them without it. */
export const chosen = (data: Data, select: readonly string[] | undefined): Data =>
  select === undefined
    ? data
    : Object.fromEntries(select.flatMap(field => (Object.hasOwn(data, field) ? [[field, data[field] as never]] : [])))
