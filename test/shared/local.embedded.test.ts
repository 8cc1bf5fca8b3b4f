import { expect } from 'vitest'
import { localEmbedder } from '../../shared/embeddings/local.ts'
import { modelTest } from '../support/modeltest.ts'

const dot = (a: Float32Array = new Float32Array(0), b: Float32Array = new Float32Array(0)): number =>
  a.reduce((sum, n, i) => sum + n * (b[i] as number), 0)

modelTest('the model that ships in npm finds by meaning, without key and network', async () => {
  const embedder = localEmbedder()
  const texts = ['How do I get my money back?', 'Refunds are paid within five days.', 'The wing of an aircraft in a slipstream.']
  const [question, refund, wing] = await embedder.embed(texts, 'document')
  expect([question?.length, question?.subarray(512).every(n => n === 0)]).toEqual([1536, true])
  expect(dot(question, question)).toBeCloseTo(1, 5)
  expect(dot(question, refund)).toBeGreaterThan(dot(question, wing) + 0.1)
  expect((await embedder.embed([texts[0] as string], 'query'))[0]).toEqual(question)
})

modelTest('a long text and one of signs alone have vectors too', async () => {
  const vectors = await localEmbedder().embed(['word '.repeat(5000), '😀', ' ? '], 'document')
  expect(vectors.map(vector => dot(vector, vector))).toEqual([1, 1, 1].map(one => expect.closeTo(one, 5)))
})
