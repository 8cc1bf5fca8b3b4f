import { expect, test } from 'vitest'
import { makeTable } from '../../shared/memory.ts'
import { makeCatchup } from '../../shared/migration/catchup.ts'
import type { StageDb } from '../../shared/migration/ports.ts'
import type { Entry } from '../../shared/migration/stage.ts'

type Note = { id: string; text: string }

const notes = () => makeTable<Note, Note>({ render: note => note, keyOf: ({ id }) => [id], order: 'up' })
const entry = (id: string, version: string, text: string): Entry => ({
  organization_id: 'o',
  id,
  version,
  deleted: false,
  json: JSON.stringify({ id, text }),
})

test('what Postgres has newer is not put under a draft, and comes when the draft is over', async () => {
  const { replica, put } = notes()
  const stored = [entry('a', '1', 'first')]
  // Postgres, as far as a catch-up asks it
  const db = {
    mark: async () => String(Math.max(...stored.map(({ version }) => Number(version)))),
    copy: async () => {},
    change: async () => {},
    entries: async function* (beyond = '0') {
      yield stored.filter(({ version }) => Number(version) > Number(beyond))
    },
  } as unknown as StageDb
  const catchup = makeCatchup(db, replica)
  await catchup.fill('1')
  stored[0] = entry('a', '7', 'imported')
  const draft = replica.draft()
  draft.within(() => put('o', 'a', note => note && { ...note, text: 'drafted' }))
  expect(replica.read('o', 'a')).toEqual(entry('a', '1', 'first'))
  await catchup.approach('1')
  expect(replica.read('o', 'a')).toEqual(entry('a', '1', 'first'))
  draft.drop()
  await catchup.meet('1', 'dualwrite')
  expect(replica.read('o', 'a')).toEqual(entry('a', '7', 'imported'))
})

test('a draft is seen by itself alone until it is kept, and is nothing once the table has been cleared', () => {
  const { replica, put, create, get, list } = notes()
  create('o', 'a', { id: 'a', text: 'first' })
  const draft = replica.draft()
  draft.within(() => put('o', 'a', note => note && { ...note, text: 'second' }))
  draft.within(() => create('o', 'b', { id: 'b', text: 'new' }))
  const all = () => list('o', { limit: 9, after: undefined }).items.map(({ id, json }) => [id, JSON.parse(json).text])
  expect(draft.within(all)).toEqual([
    ['a', 'second'],
    ['b', 'new'],
  ])
  expect([all(), get('o', 'b'), replica.drafted({ organization_id: 'o', id: 'b' })]).toEqual([[['a', 'first']], undefined, true])
  draft.keep()
  expect(all()).toEqual([
    ['a', 'second'],
    ['b', 'new'],
  ])
  expect(replica.dirty().map(({ id }) => id)).toEqual(['a', 'b'])
  const late = replica.draft()
  late.within(() => put('o', 'a', note => note && { ...note, text: 'late' }))
  replica.clear()
  late.keep()
  expect([...replica.entries()]).toEqual([])
})

test('what was read ahead of a step is what is there after it: of all entries, those that have another version come again', async () => {
  const { replica } = notes()
  const stored = new Map(['a', 'b', 'c'].map((id, i) => [id, entry(id, String(i + 1), 'first')]))
  const read: string[] = []
  const all = async function* () {
    yield [...stored.values()]
  }
  const db = {
    mark: async () => '100',
    entries: () => {
      read.push('all')
      return all()
    },
    versions: all,
    those: async (_: string, ids: string[]) => {
      read.push(...ids)
      return ids.map(id => stored.get(id) as Entry)
    },
  } as unknown as StageDb
  const catchup = makeCatchup(db, replica)
  const filled = async () => {
    read.length = 0
    await catchup.fill('1')
    expect([...replica.entries()]).toEqual([...stored.values()])
    return read
  }
  await catchup.prepare()
  stored.set('b', entry('b', '7', 'changed')).set('d', entry('d', '8', 'new'))
  expect(await filled()).toEqual(['b', 'd'])
  expect(await filled()).toEqual(['all']) // what was prepared serves once
  await catchup.prepare()
  stored.delete('c')
  expect(await filled()).toEqual(['all']) // memory had more than there is
})

const later = () => {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

test('what is read ahead is no more once memory has been filled meanwhile', async () => {
  const { replica } = notes()
  let [stored, gate] = [entry('a', '1', 'first'), later()]
  const db = {
    mark: async () => '100',
    entries: async function* () {
      const [found, until] = [stored, gate.promise]
      await until
      yield [found]
    },
  } as unknown as StageDb
  const catchup = makeCatchup(db, replica)
  const preparing = catchup.prepare()
  const late = gate
  gate = later()
  gate.resolve()
  stored = entry('a', '2', 'second')
  await catchup.fill('1')
  late.resolve()
  await preparing
  expect([...replica.entries()]).toEqual([stored])
})
