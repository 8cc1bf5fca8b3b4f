import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settleAll } from '../../functions/migration/import.postgres.ts'
import { linesOfDictionary } from '../../shared/dictionary.ts'
import { batchesOf, LARGEST, withoutUnreadable } from '../../shared/lines.ts'

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size))
}

const all = async (chunks: AsyncIterable<Buffer>): Promise<string> => {
  const parts: Buffer[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

const pieces = fc.integer({ min: 1, max: 40 })

test('a dictionary of any values, written in any way and cut anywhere, becomes one line an entry', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      pieces,
      fc.integer({ min: 0, max: 3 }),
      async (given, size, indent) => {
        const lines = await all(linesOfDictionary(inPieces(JSON.stringify(given, null, indent), size)))
        const entries =
          lines === ''
            ? []
            : lines
                .trimEnd()
                .split('\n')
                .map(line => JSON.parse(line))
        const expected = Object.entries(JSON.parse(JSON.stringify(given))).map(([key, value]) => ({ key, value }))
        expect(entries).toEqual(expected)
      },
    ),
  )
})

test('a line of more than 32 MB is left out but for its key, wherever it stands and however it comes in, and told of', async () => {
  const large = `{"key":"l\\u00e4rge","value":"${'x'.repeat(LARGEST)}"}`
  const texts = [`{"key":"a"}\n${large}\n{"key":"b"}\n`, `${large}\n{"key":"a"}\n{"key":"b"}`, `{"key":"a"}\n{"key":"b"}\n${large}`]
  for (const [at, text] of texts.entries())
    for (const size of [64 * 1024, 7_000_003, 2 * LARGEST]) {
      const [kept, told] = [[] as string[], [] as unknown[]]
      let lines = 0
      for await (const batch of batchesOf(inPieces(text, size), 1024 * 1024)) {
        expect(batch.first).toBe(lines + 1)
        lines += batch.count
        const { bytes, unreadable } = withoutUnreadable(batch.bytes)
        kept.push(...bytes.toString().split('\n'))
        told.push(...unreadable.map(({ n, ...one }) => ({ n: batch.first + n - 1, ...one })))
      }
      expect([size, lines, kept.filter(Boolean)]).toEqual([size, 3, ['{"key":"a"}', '{"key":"b"}']])
      expect(told).toEqual([{ n: [2, 1, 3][at], key: 'l\u00e4rge', reason: 'it is larger than 32 MB' }])
    }
})

test('a line that others come before a second time stops its import, and does not go uncounted', async () => {
  const raced = async () => [['raced', '1']]
  await expect(settleAll(raced, Buffer.from('{}\n'))).rejects.toMatchObject({ code: 'unavailable', retryAfter: 1 })
})

test('a line break inside a text is refused, not mended', async () => {
  await expect(all(linesOfDictionary(inPieces('{"a":"x\ny"}', 3)))).rejects.toThrow('control character')
})

test('NDJSON is cut into whole lines of the size asked for, and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 30 }).map(text => text.replaceAll('\n', ' '))),
      pieces,
      pieces,
      async (lines, size, most) => {
        const text = lines.join('\n')
        let [first, back] = [1, '']
        for await (const batch of batchesOf(inPieces(text, size), 50, most)) {
          const cut = batch.bytes.toString()
          expect(cut.endsWith('\n')).toBe(true)
          expect(batch).toMatchObject({ first, count: cut.split('\n').length - 1 })
          expect(batch.count === 1 || (batch.count <= most && batch.bytes.length <= 50 + 31 * 4)).toBe(true)
          first += batch.count
          back += cut
        }
        expect(back.replace(/\n+$/, '')).toBe(text.replace(/\n+$/, ''))
      },
    ),
  )
})
