import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentStore } from '../../functions/agents/store.ts'
import { type ConversationStore, type NewConversation, type NewMessage, unknownAgent } from '../../functions/conversations/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { all, at, canonical, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, walk } from './support.ts'

type Stores = { agents: AgentStore; conversations: ConversationStore }
type Metadata = NewConversation['metadata']

const NEW: NewConversation = { id: 'c', agent_id: 'a', metadata: {}, messages: [], at: at(1) }
const say = (content: string, id = newId('msg')): NewMessage => ({ id, role: 'user', content, metadata: {} })

/** What every store of conversations does; it shares its organizations with a store of agents. */
export const conversationContract = (kind: string, make: Make<Stores>) =>
  describe(`conversations, ${kind}`, () => {
    let made: Made<Stores>
    let conversations: ConversationStore
    beforeAll(async () => {
      made = await make()
      conversations = made.stores.conversations
    })
    afterAll(() => made.stop())

    /** An organization with the agents a and b. */
    const own = async (): Promise<Scope> => {
      const scope = made.scope(newId('org'))
      for (const id of ['a', 'b'])
        there(await made.stores.agents.create(scope, { id, name: id, industry: null, description: null, status: 'active', at: at(0) }))
      return scope
    }
    const wire = (scope: Scope, { at: created_at, messages, ...one }: NewConversation) => ({
      ...one,
      organization_id: scope.organization_id,
      message_count: messages.length,
      created_at,
      updated_at: created_at,
    })
    const wireMessage = (scope: Scope, message: NewMessage, number: number, time: string) => ({
      ...message,
      organization_id: scope.organization_id,
      conversation_id: 'c',
      number,
      created_at: time,
      updated_at: time,
    })
    const create = async (scope: Scope, one: Partial<NewConversation> = {}) => there(await conversations.create(scope, { ...NEW, ...one }))
    const numbersOf = async (scope: Scope) =>
      there(await conversations.messages(scope, 'c', all)).items.map(row => [parse(row).number, parse(row).content])

    test('a conversation begins with its first messages, in their order', async () => {
      const scope = await own()
      const messages = [say('one'), { ...say('two'), role: 'assistant', metadata: { tokens: 3 } } as NewMessage, say('three')]
      const one = { ...NEW, metadata: { channel: 'web' }, messages }
      const row = await create(scope, one)
      expectRow(row, wire(scope, one))
      expectSame(await conversations.get(scope, 'c'), row)
      const { items, next } = there(await conversations.messages(scope, 'c', all))
      for (const [i, message] of messages.entries()) expectRow(items[i], wireMessage(scope, message, i + 1, NEW.at))
      expect([items.length, next]).toEqual([3, undefined])
    })

    test('a conversation that is not there is undefined, whatever is done to it', async () => {
      const scope = await own()
      expect(await conversations.get(scope, 'c')).toBeUndefined()
      expect(await conversations.update(scope, 'c', { metadata: {} }, at(2), '1')).toBeUndefined()
      expect(await conversations.update(scope, 'c', { agent_id: 'b' }, at(2), undefined)).toBeUndefined()
      expect(await conversations.remove(scope, 'c', at(2), undefined)).toBeUndefined()
      expect(await conversations.append(scope, 'c', [say('?')], at(2))).toBeUndefined()
      expect(await conversations.messages(scope, 'c', all)).toBeUndefined()
      expect(await conversations.list(scope, all, {})).toEqual({ items: [], next: undefined })
    })

    test('a conversation without messages has an empty list of them', async () => {
      const scope = await own()
      await create(scope)
      expect(await conversations.messages(scope, 'c', all)).toEqual({ items: [], next: undefined })
    })

    test('a taken id is undefined and leaves the first conversation and its messages alone', async () => {
      const scope = await own()
      const first = await create(scope, { messages: [say('first')] })
      expect(await conversations.create(scope, { ...NEW, messages: [say('second'), say('third')] })).toBeUndefined()
      expectSame(await conversations.get(scope, 'c'), first)
      expect(await numbersOf(scope)).toEqual([[1, 'first']])
    })

    test('an agent that is unknown, removed or of another organization is refused, and nothing is written', async () => {
      const scope = await own()
      const other = await own()
      await made.stores.agents.remove(scope, 'b', at(1), undefined)
      there(await made.stores.agents.create(other, { id: 'o', name: 'o', industry: null, description: null, status: 'active', at: at(0) }))
      for (const agent_id of ['nobody', 'b', 'o'])
        expect(await conversations.create(scope, { ...NEW, agent_id, messages: [say('?')] })).toBe(unknownAgent)
      expect(await conversations.get(scope, 'c')).toBeUndefined()
      const row = await create(scope)
      for (const agent_id of ['nobody', 'b', 'o'])
        expect(await conversations.update(scope, 'c', { agent_id, metadata: { x: 1 } }, at(2), undefined)).toBe(unknownAgent)
      expectSame(await conversations.get(scope, 'c'), row)
    })

    test('a conversation outlives its agent, and can still be changed and continued', async () => {
      const scope = await own()
      await create(scope)
      await made.stores.agents.remove(scope, 'a', at(2), undefined)
      expect(parse(there(await conversations.get(scope, 'c'))).agent_id).toBe('a')
      expectRow(await conversations.update(scope, 'c', { metadata: { left: true } }, at(3), undefined), {
        ...wire(scope, NEW),
        metadata: { left: true },
        updated_at: at(3),
      })
      expect(await conversations.append(scope, 'c', [say('alone')], at(4))).toHaveLength(1)
    })

    test('a patch changes what it names and replaces metadata whole', async () => {
      const scope = await own()
      const first = await create(scope, { metadata: { a: 1, b: 2 } })
      const second = there(await conversations.update(scope, 'c', { agent_id: 'b' }, at(2), first.version))
      expectRow(second, { ...wire(scope, NEW), metadata: { a: 1, b: 2 }, agent_id: 'b', updated_at: at(2) })
      const third = there(await conversations.update(scope, 'c', { metadata: { b: 3 } }, at(3), undefined))
      expectRow(third, { ...wire(scope, NEW), metadata: { b: 3 }, agent_id: 'b', updated_at: at(3) })
      expectLater(second, first)
      expectLater(third, second)
    })

    test('an old version neither changes nor removes', async () => {
      const scope = await own()
      const first = await create(scope, { messages: [say('stays')] })
      const second = there(await conversations.update(scope, 'c', { metadata: { n: 1 } }, at(2), first.version))
      await expectStale(conversations.update(scope, 'c', { metadata: { n: 2 } }, at(3), first.version))
      await expectStale(conversations.remove(scope, 'c', at(3), first.version))
      expectSame(await conversations.get(scope, 'c'), second)
      expect(await numbersOf(scope)).toEqual([[1, 'stays']])
      there(await conversations.remove(scope, 'c', at(3), second.version))
    })

    test('appended messages are numbered on, and the conversation counts them as a later version', async () => {
      const scope = await own()
      const first = await create(scope, { messages: [say('one')] })
      const more = [say('two'), say('three')]
      const rows = there(await conversations.append(scope, 'c', more, at(2)))
      for (const [i, message] of more.entries()) expectRow(rows[i], wireMessage(scope, message, i + 2, at(2)))
      const second = there(await conversations.get(scope, 'c'))
      expectRow(second, { ...wire(scope, NEW), message_count: 3, updated_at: at(2) })
      expectLater(second, first)
      expect(await numbersOf(scope)).toEqual([
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
      ])
    })

    test('appends at once leave neither gaps nor doubles, and each stays in one piece', async () => {
      const scope = await own()
      await create(scope)
      const appends = Array.from({ length: 6 }, (_, n) => conversations.append(scope, 'c', [say(`${n}a`), say(`${n}b`)], at(2)))
      await Promise.all(appends)
      const said = await numbersOf(scope)
      expect(said.map(([number]) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      for (let i = 0; i < 12; i += 2) expect(said[i + 1]?.[1]).toBe(String(said[i]?.[1]).replace('a', 'b'))
    })

    test('messages come by number, over pages without gap or double', async () => {
      const scope = await own()
      const messages = Array.from({ length: 12 }, (_, n) => say(`${n}`, `m${12 - n}`))
      await create(scope, { messages })
      for (const limit of [1, 5, 12, 200]) {
        const pages = await walk(slice => conversations.messages(scope, 'c', slice), limit)
        expect(pages.flat()).toEqual(messages.map(({ id }) => id))
        expect(pages.length).toBe(Math.ceil(12 / limit))
      }
      expect(there(await conversations.messages(scope, 'c', { limit: 5, after: ['3'] })).next).toEqual(['8'])
    })

    test('a removed conversation is answered once more, and its messages are gone', async () => {
      const scope = await own()
      const first = await create(scope, { messages: [say('gone')] })
      const tombstone = there(await conversations.remove(scope, 'c', at(2), undefined))
      expectRow(tombstone, { ...wire(scope, NEW), updated_at: at(2) })
      expectLater(tombstone, first)
      expect(await conversations.get(scope, 'c')).toBeUndefined()
      expect(await conversations.messages(scope, 'c', all)).toBeUndefined()
      expect(await conversations.append(scope, 'c', [say('late')], at(3))).toBeUndefined()
      expect((await conversations.list(scope, all, {})).items).toEqual([])
    })

    test('the id of a removed conversation is free again, and numbers begin anew', async () => {
      const scope = await own()
      await create(scope, { metadata: { old: 1 }, messages: [say('old'), say('older')] })
      const tombstone = there(await conversations.remove(scope, 'c', at(2), undefined))
      const again = { ...NEW, agent_id: 'b', messages: [say('new')], at: at(3) }
      const second = there(await conversations.create(scope, again))
      expectRow(second, wire(scope, again))
      expectLater(second, tombstone)
      expect(await numbersOf(scope)).toEqual([[1, 'new']])
      expect(parse(there(await conversations.append(scope, 'c', [say('next')], at(4)))[0] as never)).toMatchObject({ number: 2 })
    })

    test('a list is newest first, by agent too, and its pages hold each conversation once', async () => {
      const scope = await own()
      const times = [1, 2, 2, 2, 3, 3, 1]
      for (const [i, n] of times.entries()) await create(scope, { id: `c${i}`, agent_id: i % 2 ? 'b' : 'a', at: at(n) })
      for (const limit of [1, 3, 7, 200]) {
        expect((await walk(slice => conversations.list(scope, slice, {}), limit)).flat()).toEqual([
          'c5',
          'c4',
          'c3',
          'c2',
          'c1',
          'c6',
          'c0',
        ])
        expect((await walk(slice => conversations.list(scope, slice, { agent_id: 'b' }), limit)).flat()).toEqual(['c5', 'c3', 'c1'])
      }
      expect((await conversations.list(scope, { limit: 2, after: undefined }, {})).next).toEqual([at(3), 'c4'])
      expect((await conversations.list(scope, all, { agent_id: 'nobody' })).items).toEqual([])
    })

    test('metadata and words keep every digit, key and character', async () => {
      const scope = await own()
      const metadata = parseJson('{"odd":9007199254740993,"big":12345678901234567890,"tenth":0.1,"__proto__":{"a":[]},"":{}}') as Metadata
      const content = 'é 😀 \n\t "\\ \u0001 <b>\u202e'
      const messages = [{ ...say(content), metadata }]
      const row = await create(scope, { metadata, messages })
      expect(canonical(parse(row).metadata)).toBe(canonical(metadata))
      const [first] = there(await conversations.messages(scope, 'c', all)).items
      expectRow(first, wireMessage(scope, messages[0] as NewMessage, 1, NEW.at))
      const [second] = there(await conversations.append(scope, 'c', [{ ...say('', 'm2'), metadata }], at(2)))
      expectRow(second, wireMessage(scope, { ...say('', 'm2'), metadata }, 2, at(2)))
      const patched = there(await conversations.update(scope, 'c', { metadata }, at(3), undefined))
      expect(canonical(parse(patched).metadata)).toBe(canonical(metadata))
    })

    test('a conversation of another organization is missing, and its id is free', async () => {
      const mine = await own()
      const theirs = await own()
      const row = await create(mine, { messages: [say('mine')] })
      expect(await conversations.get(theirs, 'c')).toBeUndefined()
      expect(await conversations.update(theirs, 'c', { metadata: { x: 1 } }, at(2), undefined)).toBeUndefined()
      expect(await conversations.remove(theirs, 'c', at(2), undefined)).toBeUndefined()
      expect(await conversations.append(theirs, 'c', [say('theirs')], at(2))).toBeUndefined()
      expect(await conversations.messages(theirs, 'c', all)).toBeUndefined()
      expect((await conversations.list(theirs, all, {})).items).toEqual([])
      await create(theirs, { messages: [say('theirs')] })
      expect(await numbersOf(theirs)).toEqual([[1, 'theirs']])
      expectSame(await conversations.get(mine, 'c'), row)
      expect(await numbersOf(mine)).toEqual([[1, 'mine']])
    })
  })
