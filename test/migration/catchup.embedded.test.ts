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
