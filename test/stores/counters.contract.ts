import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CounterStore } from '../../functions/agents/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { all, at, expectLater, expectSame, type Made, type Make, there, walk } from './support.ts'

/** What every store of counters does. Values are compared as the text that goes on the wire. */
export const counterContract = (kind: string, make: Make<{ counters: CounterStore }>) =>
  describe(`counters, ${kind}`, () => {
    let made: Made<{ counters: CounterStore }>
    let counters: CounterStore
    beforeAll(async () => {
      made = await make()
      counters = made.stores.counters
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const textOf = ({ json }: { json: string }) => /"value":([^,}]+)/.exec(json)?.[1]

    test('a counter that was never moved is undefined', async () => {
      const scope = own()
      expect(await counters.get(scope, 'visits')).toBeUndefined()
      expect(await counters.list(scope, all)).toEqual({ items: [], next: undefined })
    })

    test('the first increment begins at 0, the next ones add up, each a later version', async () => {
      const scope = own()
      const first = await counters.increment(scope, 'visits', '1', at(1))
      expect(JSON.parse(first.json)).toEqual({ name: 'visits', value: 1 })
      expect(first.id).toBe('visits')
      const second = await counters.increment(scope, 'visits', '41', at(2))
      expect(textOf(second)).toBe('42')
      expectLater(second, first)
      expectSame(await counters.get(scope, 'visits'), second)
      const third = await counters.increment(scope, 'visits', '0', at(3))
      expect(textOf(third)).toBe('42')
      expectLater(third, second)
    })

    test.each([
      [['9007199254740993'], '9007199254740993'],
      [['9007199254740993', '1'], '9007199254740994'],
      [['12345678901234567890', '0.1'], '12345678901234567890.1'],
      [['0.1', '0.2'], '0.3'],
      [['0.10', '0.2'], '0.30'],
      [['0.1', '-0.1'], '0.0'],
      [['-5'], '-5'],
      [['-0.5', '0.25'], '-0.25'],
      [['-0'], '0'],
      [['+7', '-10'], '-3'],
      [['007'], '7'],
      [['1e3', '1'], '1001'],
      [['1.5e-3', '1E2'], '100.0015'],
      [['1.50e1'], '15.0'],
      [['-1e-20', '1e20'], '99999999999999999999.99999999999999999999'],
      [['9'.repeat(400), '1'], `1${'0'.repeat(400)}`],
      [[`0.${'0'.repeat(399)}1`, '-1'], `-0.${'9'.repeat(400)}`],
    ])('%j is %s, to the last digit and its scale', async (steps, sum) => {
      const scope = own()
      for (const [i, by] of steps.entries()) await counters.increment(scope, 'n', by, at(i))
      expect(textOf(there(await counters.get(scope, 'n')))).toBe(sum)
    })

    test('increments at once are all counted', async () => {
      const scope = own()
      await Promise.all(Array.from({ length: 20 }, (_, n) => counters.increment(scope, 'n', String(n + 1), at(n))))
      expect(textOf(there(await counters.get(scope, 'n')))).toBe('210')
    })

    test('counters are listed by name, over pages without gap or double', async () => {
      const scope = own()
      const names = ['b', 'a', 'Z', 'é', '__proto__', '😀', '\uffee', 'a b', 'z']
      for (const name of names) await counters.increment(scope, name, '1', at(1))
      const sorted = ['Z', '__proto__', 'a', 'a b', 'b', 'z', 'é', '\uffee', '😀']
      for (const limit of [1, 2, 9, 200]) expect((await walk(slice => counters.list(scope, slice), limit)).flat()).toEqual(sorted)
      expect((await counters.list(scope, { limit: 2, after: undefined })).next).toEqual(['__proto__'])
    })

    test('another organization counts for itself', async () => {
      const mine = own()
      const theirs = own()
      await counters.increment(mine, 'n', '5', at(1))
      expect(await counters.get(theirs, 'n')).toBeUndefined()
      expect((await counters.list(theirs, all)).items).toEqual([])
      expect(textOf(await counters.increment(theirs, 'n', '1', at(2)))).toBe('1')
      expect(textOf(there(await counters.get(mine, 'n')))).toBe('5')
    })
  })
