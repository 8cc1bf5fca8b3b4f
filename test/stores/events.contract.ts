import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventStore, NewEvent } from '../../functions/analytics/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { LosslessNumber } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { all, at, canonical, type Made, type Make, walk } from './support.ts'

const event = (id: string, n: number, more: Partial<NewEvent> = {}): NewEvent => ({
  id,
  event_type: 'opened',
  event_data: {},
  agent_id: null,
  created_at: at(n),
  ...more,
})

/** What every store of events does. */
export const eventContract = (kind: string, make: Make<{ events: EventStore }>) =>
  describe(`events, ${kind}`, () => {
    let made: Made<{ events: EventStore }>
    let events: EventStore
    beforeAll(async () => {
      made = await make()
      events = made.stores.events
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const idsOf = async (scope: Scope, filter = {}) => (await events.list(scope, all, filter)).items.map(({ id }) => id)

    test('an event comes back as it came in, with every digit', async () => {
      const scope = own()
      const event_data = { big: new LosslessNumber('12345678901234567890.10'), deep: { list: [1, null, 'ä\u{1f600}'] } }
      const given = event('a', 1, { event_data, created_at: '2015-05-17T10:05:03.123456Z' })
      expect(await events.ingest(scope, [given], at(9))).toEqual({ accepted: 1, refused: [] })
      const { items } = await events.list(scope, all, {})
      expect(items.map(row => canonical(parse(row)))).toEqual([canonical(given)])
    })

    test('a batch counts each id once, and the first of several, however often it is sent', async () => {
      const scope = own()
      const batch = [event('a', 1), event('b', 2), event('a', 3, { event_type: 'second' }), event('c', 4)]
      expect(await events.ingest(scope, batch, at(9))).toEqual({ accepted: 3, refused: [] })
      for (const again of [batch, batch.toReversed(), batch.map(one => ({ ...one, created_at: at(100_000) }))])
        expect(await events.ingest(scope, again, at(10))).toEqual({ accepted: 0, refused: [] })
      expect(await events.ingest(scope, [event('d', 5), event('c', 6)], at(11))).toEqual({ accepted: 1, refused: [] })
      const { items } = await events.list(scope, all, {})
      expect(items.map(row => [row.id, parse(row).event_type, parse(row).created_at])).toEqual([
        ['d', 'opened', at(5)],
        ['c', 'opened', at(4)],
        ['b', 'opened', at(2)],
        ['a', 'opened', at(1)],
      ])
    })

    test('no events are no events', async () => {
      const scope = own()
      expect(await events.ingest(scope, [], at(1))).toEqual({ accepted: 0, refused: [] })
      expect(await events.list(scope, all, {})).toEqual({ items: [], next: undefined })
    })

    test('events are listed by their time, the latest first, over pages without gap or double', async () => {
      const scope = own()
      const times = ['1970-01-01T00:00:00.000Z', '2015-05-17T10:05:03.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000001Z']
      const given = times.flatMap((created_at, n) => ['a', 'é', '\uffee', '😀'].map(letter => event(`${letter}${n}`, 0, { created_at })))
      await events.ingest(scope, given, at(9))
      const order = times.flatMap((_, n) => ['a', 'é', '\uffee', '😀'].map(letter => `${letter}${n}`)).toReversed()
      for (const limit of [1, 3, 16, 200]) expect((await walk(slice => events.list(scope, slice, {}), limit)).flat()).toEqual(order)
    })

    test('a list is narrowed by type, agent and time, its first moment included and its last not', async () => {
      const scope = own()
      const days = [1, 2, 3].map(day => `2026-0${day}-01T00:00:00.000Z`)
      await events.ingest(
        scope,
        days.map((created_at, n) => event(`e${n}`, 0, { created_at, event_type: n === 1 ? 'closed' : 'opened' })),
        at(9),
      )
      expect(await idsOf(scope, { event_type: 'closed' })).toEqual(['e1'])
      expect(await idsOf(scope, { agent_id: 'nobody' })).toEqual([])
      expect(await idsOf(scope, { from: days[1] })).toEqual(['e2', 'e1'])
      expect(await idsOf(scope, { from: days[1], to: days[2] })).toEqual(['e1'])
      expect(await idsOf(scope, { to: '2026-02-01T00:00:00.000001Z', event_type: 'opened' })).toEqual(['e0'])
    })

    test('batches with the same ids at once count each of them once', async () => {
      const scope = own()
      const ids = Array.from({ length: 50 }, (_, n) => `e${n}`)
      const batches = [ids, ids.toReversed(), ids.slice(20), ids.slice(0, 30).toReversed()]
      const answers = await Promise.all(
        batches.map(batch =>
          events.ingest(
            scope,
            batch.map((id, n) => event(id, n)),
            at(9),
          ),
        ),
      )
      expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(50)
      expect((await idsOf(scope)).toSorted()).toEqual(ids.toSorted())
    })

    test('an id belongs to its organization', async () => {
      const [mine, theirs] = [own(), own()]
      await events.ingest(mine, [event('a', 1)], at(9))
      expect(await idsOf(theirs)).toEqual([])
      expect(await events.ingest(theirs, [event('a', 2)], at(9))).toEqual({ accepted: 1, refused: [] })
      expect(await idsOf(mine)).toEqual(['a'])
    })
  })
