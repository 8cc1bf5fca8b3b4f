import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** docs.ndjson `{ id, title, content, vector }`, queries.ndjson `{ id, text, vector }`, qrels.ndjson `{ query, doc, gain }`. */
export const FOLDER = process.env.BENCH_CRANFIELD ?? ''

export type Doc = { id: string; title: string; content: string; vector: number[] }
export type Query = { id: string; text: string; vector: number[] }

const read = <T>(name: string): T[] =>
  readFileSync(join(FOLDER, name), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as T)

/** Discounted cumulative gain of the first ten, linear, over that of the best order (Järvelin and Kekäläinen 2002). */
export const ndcg = (gains: ReadonlyMap<string, number>, found: readonly string[]): number => {
  const sum = (list: readonly number[]) => list.slice(0, 10).reduce((total, gain, i) => total + gain / Math.log2(i + 2), 0)
  const best = sum([...gains.values()].sort((a, b) => b - a))
  return best === 0 ? 0 : sum(found.map(id => gains.get(id) ?? 0)) / best
}

export const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

/** The documents, the questions, and what each document is worth to a question. */
export const judged = () => {
  const docs = read<Doc>('docs.ndjson')
  const queries = read<Query>('queries.ndjson')
  const gains = new Map<string, Map<string, number>>(queries.map(({ id }) => [id, new Map()]))
  for (const { query, doc, gain } of read<{ query: string; doc: string; gain: number }>('qrels.ndjson')) gains.get(query)?.set(doc, gain)
  return { docs, queries, gainsOf: (query: Query) => gains.get(query.id) as Map<string, number> }
}

/** What is missing where there is nothing to judge by. */
export const lacksJudged = async (): Promise<string | undefined> =>
  existsSync(join(FOLDER, 'docs.ndjson')) ? undefined : 'BENCH_CRANFIELD names no folder with docs.ndjson, queries.ndjson and qrels.ndjson'
