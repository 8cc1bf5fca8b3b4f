import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { randomOf } from '../support/random.ts'

const WORDS = 300

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
})
afterAll(() => database.drop())

type Text = { id: string; words: string[] }

/** Texts of words that are the rarer the larger their number (Zipf's law), some of them several times. */
const textsOf = (count: number, seed: number): Text[] => {
  const random = randomOf(seed)
  const word = () => `w${Math.floor(WORDS ** random())}`
  return Array.from({ length: count }, (_, i) => ({ id: `t${i}`, words: Array.from({ length: 5 + Math.floor(random() * 40) }, word) }))
}

/** As the triggers leave them. */
const keep = (organization: string, texts: readonly Text[]): Promise<unknown> =>
  database.sql(
    `insert into search_texts (organization_id, collection, item_id, chunk, corpus, text_hash, terms)
     select $1, 'documents', id, 0, 'documents/xx', '', to_tsvector('simple', content) from jsonb_to_recordset($2::jsonb) t (id text, content text)`,
    [organization, JSON.stringify(texts.map(({ id, words }) => ({ id, content: words.join(' ') })))],
  )

/** BM25 as sql/027 says it: k1 1.2, b 0.75, lengths in distinct words. */
const bm25 = (texts: readonly Text[], question: readonly string[]): Map<string, number> => {
  const lengths = texts.map(({ words }) => new Set(words).size)
  const average = lengths.reduce((sum, length) => sum + length, 0) / texts.length
  const weights = question.map(word => {
    const n = texts.filter(({ words }) => words.includes(word)).length
    return Math.log(1 + (texts.length - n + 0.5) / (n + 0.5))
  })
  const scoreOf = ({ words }: Text, place: number) =>
    question.reduce((sum, word, i) => {
      const often = words.filter(other => other === word).length
      const weight = weights[i] as number
      return sum + (weight * often * 2.2) / (often + 1.2 * (0.25 + (0.75 * (lengths[place] as number)) / average))
    }, 0)
  return new Map(texts.map((text, place) => [text.id, scoreOf(text, place)]))
}

const hits = async (organization: string, question: string, most: number): Promise<{ item_id: string; score: number }[]> => {
  const { pool, close } = await database.open()
  const client = await pool.connect()
  try {
    await client.query("begin; select set_config('app.organization_id', 'none', true)")
    await client.query("select set_config('app.organization_id', $1, true)", [organization])
    const text = "select item_id, score from corpus_hits('documents/xx', $1, $2, null, null, null) order by score desc, item_id"
    const { rows } = await client.query(text, [question, most])
    await client.query('rollback')
    return rows
  } finally {
    client.release()
    await close()
  }
}

test('the best of many texts are those of BM25, and looking only at what can be among them leaves none out', async () => {
  const texts = textsOf(8000, 1)
  await keep('many', texts)
  // of the last one's best, many have only frequent words, though hundreds have the rare one
  const asked = [
    ['w250 w1', 10],
    ['w1 w2 w3', 10],
    ['w290 w120 w40 w7 w1', 10],
    ['w5', 10],
    ['w60 w9 w8 w7 w6 w5', 300],
  ] as const
  for (const [question, most] of asked) {
    const scores = bm25(texts, question.split(' '))
    const best = await hits('many', question, most)
    const all = await hits('many', question, texts.length)
    expect(best).toEqual(all.slice(0, most))
    expect(all).toHaveLength([...scores.values()].filter(score => score > 0).length)
    // how often a word occurs is told from a rank of 32 bits by an approximation of a sum
    for (const { item_id, score } of all) expect(score / (scores.get(item_id) as number)).toBeCloseTo(1, 1)
  }
})

test('in a large corpus frequent words are counted off a sample, rarer ones off a larger one, and rare ones exactly', async () => {
  // all of them are in the sample of 64 in 1,024, and more than a thousand in that of 8
  const named = await database.sql<{ id: string }>(
    "select 't' || n as id from generate_series(1, 160000) n where hashtext('t' || n || '/0') & 1023 < 64",
  )
  const texts = textsOf(named.length, 2).map((text, i) => ({ ...text, id: named[i]?.id as string }))
  for (const text of texts.slice(0, 20)) text.words.push('rare')
  await keep('large', texts)
  const words = ['w1', 'w40', 'w150', 'w299', 'rare', 'none']
  const rows = await database.sql<{ small: number; all: number }>(
    `select count(*) filter (where place < 8)::int as small, count(*)::int as all
    from unnest($1::text[]) with ordinality w (word, n) left join search_texts on organization_id = 'large' and terms @@ word::tsquery
    group by n order by n`,
    [words],
  )
  const levels = rows.map(({ small, all }, i) => (words[i] === 'none' ? 0 : small >= 50 ? small * 128 : all >= 50 ? all * 16 : all))
  const [row] = await database.sql<{ texts: number; counts: number[] }>(
    `select texts, counts from corpus_counts('large', 'documents/xx', $1)`,
    [words],
  )
  const [sample] = await database.sql<{ n: number }>(
    "select count(*)::int as n from search_texts where organization_id = 'large' and place < 8",
  )
  expect(row).toEqual({ texts: (sample?.n as number) * 128, counts: levels })
  expect(new Set(rows.map(({ small, all }) => (small >= 50 ? 8 : all >= 50 ? 64 : 1024)))).toEqual(new Set([8, 64, 1024]))
})
