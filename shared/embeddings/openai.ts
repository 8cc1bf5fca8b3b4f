import { z } from 'zod'
import { ask, type Patience, unavailable, vectorOf } from './ask.ts'
import { inBatches } from './batches.ts'
import type { Embedder } from './embeddings.ts'
import { clip } from './key.ts'
import { WIDTH } from './vector.ts'

/** `url`: up to /v1, or of the endpoint itself. `dimensions`: undefined takes those of the first answer. `apiKey` is asked for once. */
export type OpenAiOptions = {
  url: string
  model: string
  dimensions: number | undefined
  apiKey: (() => Promise<string>) | undefined
  patience?: Patience
}

/** Texts of one call: what the smallest of the compatible servers take. */
const BATCH = 32
const AT_ONCE = 4

const Answer = z.object({ data: z.array(z.object({ index: z.int().optional(), embedding: z.array(z.number()) })) })

/** Models that are told how many numbers to answer; to others the parameter is unknown. */
const resizes = (model: string): boolean => model.startsWith('text-embedding-3')

const endpointOf = (url: string): string => {
  const base = url.replace(/\/+$/, '')
  if (base.endsWith('/embeddings')) return base
  return base.endsWith('/v1') ? `${base}/embeddings` : `${base}/v1/embeddings`
}

/** Any endpoint that speaks OpenAI's /v1/embeddings: OpenAI's own, or a server of models. */
export const openAiEmbedder = ({ url, model, dimensions, apiKey, patience }: OpenAiOptions): Embedder => {
  const endpoint = endpointOf(url)
  let expected = dimensions
  let key: Promise<string> | undefined

  const to = async () => {
    if (apiKey === undefined) return { url: endpoint, headers: {} }
    key ??= apiKey().catch(cause => {
      key = undefined
      throw cause
    })
    return { url: endpoint, headers: { authorization: `Bearer ${await key}` } }
  }
  const embedBatch = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const size = resizes(model) ? { dimensions: dimensions ?? WIDTH } : {}
    const body = { model, input: texts.map(clip), encoding_format: 'float', ...size }
    const { data } = await ask({ to, body }, Answer, 'openai', patience)
    const vectors = new Array<Float32Array | undefined>(texts.length)
    for (const [place, { index = place, embedding }] of data.entries()) {
      expected ??= embedding.length
      vectors[index] = vectorOf(embedding, expected, 'openai')
    }
    if (data.length !== texts.length || vectors.includes(undefined)) throw unavailable('openai answered some of the vectors, not all')
    return vectors as Float32Array[]
  }

  return {
    provider: 'openai',
    model,
    dimensions: dimensions ?? WIDTH,
    tellsKinds: false,
    embed: texts => inBatches(texts, BATCH, AT_ONCE, embedBatch),
  }
}
