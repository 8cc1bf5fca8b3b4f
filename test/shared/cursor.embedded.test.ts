import { expect, test } from 'vitest'
import { Refusal } from '../../shared/errors.ts'
import { makeCursors } from '../../shared/http/cursor.ts'

const cursors = makeCursors('a secret')
const KEY = ['2026-01-01T00:00:00.000Z', 'ä "id" / \u{1f600}']

test('a cursor opens to the place that it was made of, in any process with the same secret', () => {
  const cursor = cursors.seal(KEY, 'org\nget agents/')
  expect(cursor).toMatch(/^[\w-]+$/)
  expect(makeCursors('a secret').open(cursor, 'org\nget agents/')).toEqual(KEY)
})

test('a cursor with any of its characters changed, cut or added is refused', () => {
  const cursor = cursors.seal(KEY, 'b')
  for (let i = 0; i < cursor.length; i++) {
    const changed = `${cursor.slice(0, i)}${cursor[i] === 'A' ? 'Q' : 'A'}${cursor.slice(i + 1)}`
    expect(() => cursors.open(changed, 'b')).toThrow(Refusal)
    expect(() => cursors.open(cursor.slice(0, i), 'b')).toThrow(Refusal)
  }
  expect(() => cursors.open(`${cursor}AAAA`, 'b')).toThrow(Refusal)
})

test('a cursor of another list, another organization or another secret is refused', () => {
  const cursor = cursors.seal(KEY, 'one\nget agents/')
  for (const binding of ['two\nget agents/', 'one\nget conversations/', ''])
    expect(() => cursors.open(cursor, binding)).toThrow(/not a cursor of this list/)
  expect(() => makeCursors('another secret').open(cursor, 'one\nget agents/')).toThrow(Refusal)
})
