import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentStore, NewAgent } from '../../functions/agents/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { all, at, canonical, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, walk } from './support.ts'

const NEW: NewAgent = { id: 'a', name: 'Concierge', industry: 'hotels', description: null, status: 'active', at: at(1) }

/** What every store of agents does, whatever it keeps them in. */
export const agentContract = (kind: string, make: Make<{ agents: AgentStore }>) =>
  describe(`agents, ${kind}`, () => {
    let made: Made<{ agents: AgentStore }>
    let agents: AgentStore
    beforeAll(async () => {
      made = await make()
      agents = made.stores.agents
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const wire = (scope: Scope, { at: created_at, configuration = null, ...agent }: NewAgent) => ({
      ...agent,
      configuration,
      organization_id: scope.organization_id,
      created_at,
      updated_at: created_at,
    })
    const create = async (scope: Scope, agent: Partial<NewAgent> = {}) => there(await agents.create(scope, { ...NEW, ...agent }))

    test('an agent is answered as it was created, and read so again', async () => {
      const scope = own()
      const row = await create(scope)
      expectRow(row, wire(scope, NEW))
      expectSame(await agents.get(scope, 'a'), row)
    })

    test('an agent that is not there is undefined, whatever is done to it', async () => {
      const scope = own()
      expect(await agents.get(scope, 'a')).toBeUndefined()
      expect(await agents.update(scope, 'a', { name: 'New' }, at(2), undefined)).toBeUndefined()
      expect(await agents.update(scope, 'a', { name: 'New' }, at(2), '1')).toBeUndefined()
      expect(await agents.remove(scope, 'a', at(2), undefined)).toBeUndefined()
      expect(await agents.remove(scope, 'a', at(2), '1')).toBeUndefined()
      expect(await agents.list(scope, all, {})).toEqual({ items: [], next: undefined })
    })

    test('a taken id is undefined and leaves the first agent alone', async () => {
      const scope = own()
      const first = await create(scope)
      expect(await agents.create(scope, { ...NEW, name: 'Second', at: at(2) })).toBeUndefined()
      expectSame(await agents.get(scope, 'a'), first)
    })

    test('a patch changes what it names, null included, and leaves the rest', async () => {
      const scope = own()
      const first = await create(scope, { description: 'warm', configuration: { tone: 'warm' } })
      const second = there(await agents.update(scope, 'a', { status: 'paused', industry: null }, at(2), undefined))
      const value = { ...wire(scope, NEW), description: 'warm', configuration: { tone: 'warm' }, updated_at: at(2) }
      expectRow(second, { ...value, status: 'paused', industry: null })
      const third = there(await agents.update(scope, 'a', { name: 'New', description: null }, at(3), second.version))
      expectRow(third, { ...value, status: 'paused', industry: null, name: 'New', description: null, updated_at: at(3) })
      expectLater(second, first)
      expectLater(third, second)
      expectSame(await agents.get(scope, 'a'), third)
    })

    test('an empty patch is a write all the same', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await agents.update(scope, 'a', {}, at(2), undefined))
      expectRow(second, { ...wire(scope, NEW), updated_at: at(2) })
      expectLater(second, first)
    })

    test('an old version neither changes nor removes, the present one does both', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await agents.update(scope, 'a', { name: 'New' }, at(2), first.version))
      await expectStale(agents.update(scope, 'a', { name: 'Late' }, at(3), first.version))
      await expectStale(agents.remove(scope, 'a', at(3), first.version))
      expectSame(await agents.get(scope, 'a'), second)
      expectRow(await agents.remove(scope, 'a', at(3), second.version), { ...wire(scope, NEW), name: 'New', updated_at: at(3) })
    })

    test('a removed agent is answered once more, later than before, and then is missing everywhere', async () => {
      const scope = own()
      const first = await create(scope)
      const tombstone = there(await agents.remove(scope, 'a', at(2), undefined))
      expectLater(tombstone, first)
      expectRow(tombstone, { ...wire(scope, NEW), updated_at: at(2) })
      expect(await agents.get(scope, 'a')).toBeUndefined()
      expect((await agents.list(scope, all, {})).items).toEqual([])
      expect(await agents.update(scope, 'a', { name: 'New' }, at(3), undefined)).toBeUndefined()
      expect(await agents.remove(scope, 'a', at(3), undefined)).toBeUndefined()
    })

    test('the id of a removed agent is free again, and nothing of the old one is left', async () => {
      const scope = own()
      await create(scope, { description: 'old', configuration: { old: true }, status: 'archived' })
      const tombstone = there(await agents.remove(scope, 'a', at(2), undefined))
      const again = { ...NEW, industry: null, name: 'Again', at: at(3) }
      const second = there(await agents.create(scope, again))
      expectRow(second, wire(scope, again))
      expectLater(second, tombstone)
      expectSame(await agents.get(scope, 'a'), second)
    })

    test('a configuration of null, {} or any value comes back as it went in', async () => {
      const scope = own()
      for (const [i, text] of ['null', '{}', '[]', '""', '0', 'false', '{"a":null}'].entries()) {
        const configuration = parseJson(text)
        const id = `c${i}`
        const row = await create(scope, { id, configuration })
        expectRow(row, wire(scope, { ...NEW, id, configuration }))
        expectRow(await agents.update(scope, id, { configuration }, NEW.at, undefined), wire(scope, { ...NEW, id, configuration }))
      }
      expect((await create(scope, { id: 'none' })).json).toContain('"configuration":null')
    })

    test('a configuration is replaced whole', async () => {
      const scope = own()
      await create(scope, { configuration: { a: 1, b: { c: 2 } } })
      const row = there(await agents.update(scope, 'a', { configuration: { b: {} } }, at(2), undefined))
      expect(parse(row).configuration).toEqual({ b: {} })
    })

    test('a configuration keeps every digit, every key and every character', async () => {
      const scope = own()
      const text =
        '{"odd":9007199254740993,"big":12345678901234567890,"tenth":0.1,"long":0.12345678901234567890,"minus":-123456789012345678901,' +
        '"__proto__":{"constructor":1},"":"empty key","é":"\\u00e9\\ud83d\\ude00 \\n\\t\\u0001 \\"\\\\","deep":[[[{"toString":null}]]]}'
      const configuration = parseJson(text)
      const row = await create(scope, { configuration })
      expect(canonical(parse(row).configuration)).toBe(canonical(configuration))
      expect(canonical(parse(there(await agents.get(scope, 'a'))).configuration)).toBe(canonical(configuration))
      for (const part of ['9007199254740993', '12345678901234567890', '0.12345678901234567890', '-123456789012345678901'])
        expect(row.json).toContain(part)
      const patched = there(await agents.update(scope, 'a', { configuration }, at(2), undefined))
      expect(canonical(parse(patched).configuration)).toBe(canonical(configuration))
    })

    test('ids and names of any characters are kept apart', async () => {
      const scope = own()
      const ids = ['a', 'A', 'a ', 'ä', 'a\u0308', '😀', '/', '%', "'", '__proto__', 'constructor', 'x'.repeat(200)]
      for (const id of ids) await create(scope, { id, name: `of ${id}`.slice(0, 255) })
      for (const id of ids) expect(parse(there(await agents.get(scope, id))).name).toBe(`of ${id}`.slice(0, 255))
      expect((await agents.list(scope, all, {})).items.map(({ id }) => id).sort()).toEqual([...ids].sort())
    })

    test('a list is newest first, and its pages hold each agent once, also where times are equal', async () => {
      const scope = own()
      const times = [1, 2, 2, 2, 2, 3, 3, 1, 4, 2]
      const ids = ['k', 'b', 'é', 'Z', '\uffee', 'a', '😀', 'c', 'm', 'z']
      for (const [i, id] of ids.entries()) await create(scope, { id, at: at(times[i] as number) })
      const sorted = ['m', '😀', 'a', '\uffee', 'é', 'z', 'b', 'Z', 'k', 'c']
      for (const limit of [1, 3, 5, 9, 10, 200]) {
        const pages = await walk(slice => agents.list(scope, slice, {}), limit)
        expect(pages.flat()).toEqual(sorted)
        expect(pages.length).toBe(Math.ceil(10 / limit))
      }
    })

    test('where a page ends is said by time and id, so that any store can go on from it', async () => {
      const scope = own()
      for (const n of [1, 2, 3]) await create(scope, { id: `p${n}`, at: at(n) })
      const page = await agents.list(scope, { limit: 2, after: undefined }, {})
      expect(page.next).toEqual([at(2), 'p2'])
      const rest = await agents.list(scope, { limit: 2, after: [at(2), 'p2'] }, {})
      expect([rest.items.map(({ id }) => id), rest.next]).toEqual([['p1'], undefined])
    })

    test('what comes or goes between two pages moves nothing else', async () => {
      const scope = own()
      for (const n of [1, 2, 3, 4, 5]) await create(scope, { id: `p${n}`, at: at(n) })
      const first = await agents.list(scope, { limit: 2, after: undefined }, {})
      await create(scope, { id: 'p6', at: at(6) })
      await agents.remove(scope, 'p4', at(7), undefined)
      await agents.remove(scope, 'p2', at(7), undefined)
      const second = await agents.list(scope, { limit: 2, after: first.next }, {})
      expect([first, second].map(page => page.items.map(({ id }) => id))).toEqual([
        ['p5', 'p4'],
        ['p3', 'p1'],
      ])
    })

    test('filters hold back what they do not name, each alone and together, over pages too', async () => {
      const scope = own()
      const rows = [
        { id: '1', name: 'Big Hotel', industry: 'hotels', status: 'active' },
        { id: '2', name: 'small hotel', industry: 'hotels', status: 'paused' },
        { id: '3', name: 'Bank 100%_x', industry: 'banks', status: 'active' },
        { id: '4', name: 'ÄRZTE', industry: null, status: 'archived' },
      ] as const
      for (const row of rows) await create(scope, row)
      const ids = async (filter: Parameters<AgentStore['list']>[2]) => (await walk(slice => agents.list(scope, slice, filter), 1)).flat()
      expect(await ids({ status: 'active' })).toEqual(['3', '1'])
      expect(await ids({ industry: 'hotels' })).toEqual(['2', '1'])
      expect(await ids({ industry: 'hotel' })).toEqual([])
      expect(await ids({ q: 'HOTEL' })).toEqual(['2', '1'])
      expect(await ids({ q: '%_' })).toEqual(['3'])
      expect(await ids({ q: '_' })).toEqual(['3'])
      expect(await ids({ q: 'ärz' })).toEqual(['4'])
      expect(await ids({ q: 'hotel', status: 'paused', industry: 'hotels' })).toEqual(['2'])
      expect(await ids({ status: 'archived', industry: 'hotels' })).toEqual([])
    })

    test('an agent of another organization is missing, and its id is free', async () => {
      const mine = own()
      const theirs = own()
      const row = await create(mine)
      expect(await agents.get(theirs, 'a')).toBeUndefined()
      expect(await agents.update(theirs, 'a', { name: 'Theirs' }, at(2), undefined)).toBeUndefined()
      expect(await agents.remove(theirs, 'a', at(2), row.version)).toBeUndefined()
      expect((await agents.list(theirs, all, {})).items).toEqual([])
      expectRow(await agents.create(theirs, { ...NEW, name: 'Theirs' }), { ...wire(theirs, NEW), name: 'Theirs' })
      expectSame(await agents.get(mine, 'a'), row)
    })

    test('of many creations of one id at once, one is answered', async () => {
      const scope = own()
      const rows = await Promise.all(Array.from({ length: 8 }, (_, n) => agents.create(scope, { ...NEW, name: `n${n}` })))
      const winners = rows.filter(row => row !== undefined)
      expect(winners).toHaveLength(1)
      expectSame(await agents.get(scope, 'a'), winners[0])
    })

    test('of many changes of one version at once, one is made', async () => {
      const scope = own()
      const { version } = await create(scope)
      const tries = Array.from({ length: 8 }, (_, n) => agents.update(scope, 'a', { name: `n${n}` }, at(2), version))
      const settled = await Promise.allSettled(tries)
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })
  })
