import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LIMIT, OVERLAP, split } from '../../functions/rag/split.ts'

const sentence = fc
  .array(fc.constantFrom('wing', 'flow', 'Mach', 'e.g.', '3.5', 'naïve', '翼型', 'งาน', '😀', '👩‍👩‍👧', 'boundary-layer'), {
    minLength: 1,
    maxLength: 40,
  })
  .map(words => `${words.join(' ')}. `)
const line = fc.oneof(
  sentence,
  fc.constantFrom('\n\n', '\n', '\r\n', '\t', '    return x;\n', '| a | b |\n|---|---|\n', '```ts\n', '。', '! ', '   '),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }).filter(text => text.isWellFormed()),
  fc.integer({ min: 1, max: 6000 }).map(length => 'x'.repeat(length)),
  fc.integer({ min: 1, max: 3000 }).map(length => '😀'.repeat(length)),
)
const text = fc.array(line, { maxLength: 60 }).map(lines => lines.join(''))

const characters = (of: string): string[] => Array.from(of)

test('the pieces of any text hold every character of it, none is longer than the limit, and each repeats what it says it does', () => {
  fc.assert(
    fc.property(text, given => {
      const pieces = split(given)
      const added = pieces.map(({ content, overlap }) => characters(content).slice(overlap).join(''))
      expect(added.join('')).toBe(given.trim() === '' ? '' : given)
      let behind = ''
      for (const { content, overlap } of pieces) {
        const repeated = characters(content).slice(0, overlap).join('')
        expect(content.length).toBeLessThanOrEqual(LIMIT)
        expect(content.isWellFormed()).toBe(true)
        expect(content.length).toBeGreaterThan(repeated.length)
        expect(repeated.length).toBeLessThanOrEqual(OVERLAP)
        expect(behind.endsWith(repeated)).toBe(true)
        expect(repeated.length > 0).toBe(behind !== '')
        behind = content
      }
      expect(split(given)).toEqual(pieces)
    }),
    { numRuns: 400 },
  )
})

test('a text that is no longer than the limit stays in one piece, and a blank one has none', () => {
  expect(split('One. Two.\n\nThree.')).toEqual([{ content: 'One. Two.\n\nThree.', overlap: 0 }])
  expect(split('x'.repeat(LIMIT))).toHaveLength(1)
  expect(split('x'.repeat(LIMIT + 1))).toHaveLength(2)
  expect([split(''), split(' \n\t\u00a0')]).toEqual([[], []])
})

const many = (n: number, of: (i: number) => string, between = ' ') => Array.from({ length: n }, (_, i) => of(i)).join(between)

test('prose is cut at the ends of sentences, and a piece begins with the sentences that the one before ended with', () => {
  const pieces = split(many(200, i => `This is sentence number ${i}, which is neither long nor short.`))
  expect(pieces.length).toBeGreaterThan(6)
  for (const { content, overlap } of pieces.slice(0, -1)) {
    expect(content).toMatch(/\. $/)
    expect(content).toMatch(/^This is/)
    expect(overlap % content.indexOf('This', 1)).toBeLessThan(4) // the numbers' digits
  }
})

test('paragraphs are kept whole where they can be', () => {
  const pieces = split(many(60, i => `A first sentence of ${i}. ${'And a second one. '.repeat(8)}And an end.`, '\n\n'))
  for (const { content } of pieces.slice(0, -1)) expect(content).toMatch(/And an end\.\n\n$/)
})

test('code and tables are cut between their lines', () => {
  const table = many(300, i => `| row ${i} | a cell. With a stop, e.g. here | 3.14 |`, '\n')
  for (const { content } of split(table).slice(0, -1)) expect(content).toMatch(/ \|\n$/)
  const code = many(300, i => `  const value${i} = compute(input[${i}], { depth: 2 })`, '\n')
  for (const { content } of split(code).slice(0, -1)) expect(content).toMatch(/\)\n$/)
})

test('a sentence that is too long is cut between its words', () => {
  for (const { content } of split(many(2000, i => `word${i}`)).slice(1)) expect(content).toMatch(/^\s?word\d+ /)
})

test('an edit changes the pieces around it, wherever it is', () => {
  const given = many(600, i => `Sentence ${i} tells of ${'abcdefgh'[i % 8]} and ${(i * 7919) % 1000}.`)
  const before = new Set(split(given).map(({ content }) => content))
  expect(before.size).toBeGreaterThan(12)
  const changed = Array.from({ length: 40 }, (_, i) => {
    const place = given.indexOf(`Sentence ${i * 14} `)
    const edited = `${given.slice(0, place)}Something was put in here. ${given.slice(place)}`
    return split(edited).filter(({ content }) => !before.has(content)).length
  })
  expect(Math.min(...changed)).toBeGreaterThan(0)
  expect(changed.reduce((a, b) => a + b) / changed.length).toBeLessThan(3)
})
