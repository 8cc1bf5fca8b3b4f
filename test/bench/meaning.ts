import { insist } from '../support/ask.ts'
import { noModel } from '../support/model.ts'
import { ADMIN_KEY, type Bench, gateway } from './ground.ts'
import { FOLDER, judged, lacksJudged, mean, ndcg, type Query } from './judged.ts'

/** Documents of a request: its model makes the vectors of so many within a request's patience on a busy machine as well. */
const STEP = 50

/** How well search ranks with the model that ships in npm: documents and questions come without vectors, as from any caller. */
export const meaning: Bench = {
  name: 'meaning',
  about: `nDCG@10 of POST /rag/search with the local model on the Cranfield collection in ${FOLDER || 'the folder that BENCH_CRANFIELD names'}`,
  lacks: async () => noModel ?? (await lacksJudged()),
  run: async ground => {
    const { docs, queries, gainsOf } = judged()
    const ours = await ground.serve(gateway, { EMBEDDING_PROVIDER: 'local' })
    const { key } = await ground.organization(ours, 'meaning')
    const begin = performance.now()
    for (let i = 0; i < docs.length; i += STEP) {
      const documents = docs
        .slice(i, i + STEP)
        .map(({ id, title, content }) => ({ id, title: title || id, content: content || id, language: 'en' }))
      await insist(ours.url, key, { method: 'POST', path: '/rag/documents', body: { documents } })
    }
    await insist(ours.url, ADMIN_KEY, { method: 'POST', path: '/jobs/complete-embeddings' }) // what a busy machine had no time for
    const perDocument = (performance.now() - begin) / docs.length

    let empty = 0
    const times: number[] = []
    const score = async (query: Query, mode: string): Promise<number> => {
      const start = performance.now()
      const body = { query: query.text, mode, collections: ['documents'], limit: 20 } // chunks, of which two may be of one document
      const { items } = (await insist(ours.url, key, { method: 'POST', path: '/rag/search', body })).body
      times.push(performance.now() - start)
      if (items.length === 0) empty++
      return ndcg(gainsOf(query), [...new Set<string>(items.map((item: { id: string }) => item.id))])
    }
    const scores = async (mode: string): Promise<number> => {
      const all: number[] = []
      for (const query of queries) all.push(await score(query, mode))
      return mean(all)
    }
    const [hybrid, p50] = [await scores('hybrid'), times.toSorted((a, b) => a - b)[times.length >> 1] as number]
    const [text, vector] = [await scores('text'), await scores('vector')]
    return {
      table: [
        ['', 'nDCG@10'],
        ['text', text.toFixed(4)],
        ['vector', vector.toFixed(4)],
        ['hybrid, default weights', hybrid.toFixed(4)],
        ['posting a document, with its vectors', `${perDocument.toFixed(0)} ms`],
        ["a hybrid search, with its question's vector", `${p50.toFixed(0)} ms`],
      ],
      targets: [
        { what: 'what this model costs the hybrid', value: text - hybrid, most: 0.01 },
        { what: 'questions without an answer', value: empty, most: 0 },
      ],
    }
  },
}
