import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MetricStore } from '../../functions/analytics/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { type Json, LosslessNumber } from '../../shared/json.ts'
import { parse, type Row } from '../../shared/record.ts'
import { at, canonical, expectLater, expectSame, expectStale, type Made, type Make, there } from './support.ts'

/** What every store of metrics does. */
export const metricContract = (kind: string, make: Make<{ metrics: MetricStore }>) =>
  describe(`metrics, ${kind}`, () => {
    let made: Made<{ metrics: MetricStore }>
    let metrics: MetricStore
    beforeAll(async () => {
      made = await make()
      metrics = made.stores.metrics
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const put = (scope: Scope, key: string, value: Json, n: number, ttl_seconds: number | null = null, ifMatch?: string) =>
      metrics.put(scope, key, { value, ttl_seconds, at: at(n) }, ifMatch)
    const textOf = (row: Row<unknown> | undefined) => canonical(parse(there(row)))

    test.each<[Json]>([[0], [null], ['text'], [{ a: [new LosslessNumber('12345678901234567890'), 0.1] }]])(
      'the value %j comes back as it is',
      async value => {
        const scope = own()
        const { row, created } = await put(scope, 'm', value, 1)
        expect([created, row.id]).toEqual([true, 'm'])
        expect(textOf(row)).toBe(canonical({ key: 'm', value, computed_at: at(1), expires_at: null }))
        expectSame(await metrics.get(scope, 'm', at(2)), row)
      },
    )

    test('a metric is there until it expires, and then as if it had never been', async () => {
      const scope = own()
      const { row } = await put(scope, 'm', 1, 10, 5)
      expect(parse(row)).toMatchObject({ computed_at: at(10), expires_at: at(15) })
      expectSame(await metrics.get(scope, 'm', at(14)), row)
      expect(await metrics.get(scope, 'm', at(15))).toBeUndefined()
      expect(await metrics.remove(scope, 'm', at(15), undefined)).toBeUndefined()
      await expectStale(put(scope, 'm', 2, 15, null, row.version))
      const again = await put(scope, 'm', 2, 16)
      expect(again.created).toBe(true)
      expectLater(again.row, row)
    })

    test('a second value replaces the first, and how long it holds', async () => {
      const scope = own()
      const first = await put(scope, 'm', 1, 1, 100)
      const second = await put(scope, 'm', 2, 2)
      expect([first.created, second.created]).toEqual([true, false])
      expectLater(second.row, first.row)
      expect(parse(second.row)).toEqual({ key: 'm', value: 2, computed_at: at(2), expires_at: null })
    })

    test('a change for another version is refused, and changes nothing', async () => {
      const scope = own()
      const first = await put(scope, 'm', 1, 1)
      const second = await put(scope, 'm', 2, 2, null, first.row.version)
      expect(second.created).toBe(false)
      await expectStale(put(scope, 'm', 3, 3, null, first.row.version))
      await expectStale(metrics.remove(scope, 'm', at(3), first.row.version))
      await expectStale(put(scope, 'none', 3, 3, null, first.row.version))
      expectSame(await metrics.get(scope, 'm', at(4)), second.row)
      expect(await metrics.get(scope, 'none', at(4))).toBeUndefined()
      expectLater(there(await metrics.remove(scope, 'm', at(5), second.row.version)), second.row)
    })

    test('what was removed is gone, and can be made anew', async () => {
      const scope = own()
      expect(await metrics.remove(scope, 'm', at(1), undefined)).toBeUndefined()
      const { row } = await put(scope, 'm', 1, 1, 100)
      expectLater(there(await metrics.remove(scope, 'm', at(2), undefined)), row)
      expect(await metrics.get(scope, 'm', at(3))).toBeUndefined()
      expect(await metrics.remove(scope, 'm', at(3), undefined)).toBeUndefined()
      expect((await put(scope, 'm', 2, 4)).created).toBe(true)
    })

    test('another organization has metrics of its own', async () => {
      const [mine, theirs] = [own(), own()]
      const { row } = await put(mine, 'm', 1, 1)
      expect(await metrics.get(theirs, 'm', at(2))).toBeUndefined()
      expect(await metrics.remove(theirs, 'm', at(2), undefined)).toBeUndefined()
      expect((await put(theirs, 'm', 2, 2)).created).toBe(true)
      expectSame(await metrics.get(mine, 'm', at(3)), row)
    })
  })
