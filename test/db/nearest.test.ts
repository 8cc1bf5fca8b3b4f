import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Scope } from '../../shared/db/scope.ts'
import { literalOf, unit } from '../../shared/embeddings/vector.ts'
import { engine, makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'
import { randomOf } from '../support/random.ts'

let database: TestDatabase
let shared: Awaited<ReturnType<typeof shareTest>>
beforeAll(async () => {
  database = await makeTestDatabase()
  shared = await shareTest(database)
})
afterAll(async () => {
  await shared.close()
  await database.drop()
})

const scopeOf = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
const withVectors = test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)

withVectors(
  'along the index as many are found as were asked for, of those that a filter leaves, and nearly all of the nearest',
  async () => {
    const random = randomOf(7)
    const numbers = () => literalOf(unit(Array.from({ length: 1536 }, () => random() - 0.5)) as Float32Array)
    for (const owner of ['ours', 'theirs']) {
      const vectors = Array.from({ length: 100 }, (_, i) => ({ id: `d${i}`, vector: numbers() }))
      await database.sql(
        `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
      select $1, 'documents', id, 1, 7, vector::real[], '' from jsonb_to_recordset($2::jsonb) v (id text, vector text)`,
        [owner, JSON.stringify(vectors)],
      )
    }
    const odd = Array.from({ length: 50 }, (_, i) => `d${2 * i + 1}`)
    let found = 0
    for (const among of [null, odd, odd.slice(0, 20)])
      for (let n = 0; n < 5; n++) {
        const asked = numbers()
        const nearest = async (how: string) => {
          const text = `select item_id, cosine from ${how}('documents', 7, $1::real[]::vector, 20, $2::text[]) order by cosine desc`
          const values = [asked, among && `{${among.join()}}`]
          return (await shared.db.read(scopeOf('ours'), { name: how, text, values })).map(
            ([id, cosine]) => `${id} ${Number(cosine).toFixed(6)}`,
          )
        }
        const [exact, along] = [await nearest('nearest_exact'), await nearest('nearest_indexed')]
        expect([exact.length, along.length]).toEqual([20, 20])
        found += along.filter(one => exact.includes(one)).length
      }
    expect(found / (15 * 20)).toBeGreaterThan(0.95)
  },
  120_000, // the embedded engine puts a vector into the index in a tenth of a second
)
