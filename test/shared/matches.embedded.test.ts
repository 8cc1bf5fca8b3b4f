import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matches } from '../../shared/matches.ts'

const isLike = (text: string, pattern: string) => matches({ field: 'a', op: '$like', operand: pattern }, { a: text })

/** The same by a regular expression: right, and for some patterns not done in a lifetime. */
const byExpression = (text: string, pattern: string): boolean => {
  const source = (pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []).map(part => {
    if (part === '%') return '[\\s\\S]*'
    if (part === '_') return '[\\s\\S]'
    return (part.startsWith('\\') ? part.slice(1) : part).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, 'u').test(text)
}

test('a pattern means what it would as a regular expression', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '.', '😀', '\n'), { maxLength: 8 }).map(list => list.join(''))
  const pattern = fc
    .array(fc.constantFrom('a', 'b', '%', '_', '.', '\\%', '\\_', '\\\\', '😀'), { maxLength: 8 })
    .map(list => list.join(''))
  fc.assert(
    fc.property(letters, pattern, (text, of) => isLike(text, of) === byExpression(text, of)),
    { numRuns: 3000 },
  )
})

test('no pattern holds the process up, however many % it has', () => {
  const start = performance.now()
  expect(isLike('a'.repeat(20_000), `${'%a'.repeat(40)}%b`)).toBe(false)
  expect(isLike('a'.repeat(20_000), `${'%a'.repeat(40)}%`)).toBe(true)
  expect(performance.now() - start).toBeLessThan(2000)
})
