import type { GoogleAuth } from 'google-auth-library'
import { z } from 'zod'
import { ask, type Patience, unavailable, vectorOf } from './ask.ts'
import { inBatches } from './batches.ts'
import type { Embedder, Kind } from './embeddings.ts'
import { clip } from './key.ts'

/** `url`: the origin of the region's API. `token`: an access token of Google's, for the scope cloud-platform. */
export type VertexOptions = {
  url: string
  project: () => Promise<string>
  model: string
  dimensions: number
  token: () => Promise<string>
  patience?: Patience
}

/** gemini-embedding-001 takes one text a call, of up to 2,048 tokens (the rest is cut off); older models take 250 of 20,000 in all. */
const batchOf = (model: string): number => (model.startsWith('gemini') ? 1 : 8)
const AT_ONCE = 8

const Answer = z.object({ predictions: z.array(z.object({ embeddings: z.object({ values: z.array(z.number()) }) })) })

const tasks: Record<Kind, string> = { document: 'RETRIEVAL_DOCUMENT', query: 'RETRIEVAL_QUERY' }

/** The region is in the name of its API's host. */
const locationOf = (url: string): string => {
  const { hostname } = new URL(url)
  if (hostname === 'aiplatform.googleapis.com') return 'global'
  return /^([a-z]+-[a-z]+\d+)-aiplatform\./.exec(hostname)?.[1] ?? 'us-central1'
}

/** Google's models on Vertex AI, over its REST API. */
export const vertexEmbedder = ({ url, project, model, dimensions, token, patience }: VertexOptions): Embedder => {
  const size = batchOf(model)
  const [origin, location] = [url.replace(/\/+$/, ''), locationOf(url)]

  const to = async () => ({
    url: `${origin}/v1/projects/${await project()}/locations/${location}/publishers/google/models/${model}:predict`,
    headers: { authorization: `Bearer ${await token()}` },
  })
  const embedBatch = async (texts: readonly string[], kind: Kind): Promise<Float32Array[]> => {
    const instances = texts.map(text => ({ content: clip(text), task_type: tasks[kind] }))
    const body = { instances, parameters: { outputDimensionality: dimensions, autoTruncate: true } }
    const { predictions } = await ask({ to, body }, Answer, 'vertex', patience)
    if (predictions.length !== texts.length) throw unavailable('vertex answered some of the vectors, not all')
    return predictions.map(({ embeddings: { values } }) => vectorOf(values, dimensions, 'vertex'))
  }

  return {
    provider: 'vertex',
    model,
    dimensions,
    tellsKinds: true,
    embed: (texts, kind) => inBatches(texts, size, AT_ONCE, batch => embedBatch(batch, kind)),
  }
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** This process's identity at Google: its service account, or whoever is logged in on a developer's machine. */
export const googleIdentity = (named: string | undefined): { project(): Promise<string>; token(): Promise<string> } => {
  let auth: Promise<GoogleAuth> | undefined
  const identity = (): Promise<GoogleAuth> => {
    auth ??= import('google-auth-library').then(library => new library.GoogleAuth({ scopes: SCOPE }))
    return auth
  }
  return {
    project: async () => named ?? (await identity()).getProjectId(),
    token: async () => {
      const token = await (await identity()).getAccessToken()
      if (!token) throw new Error('Google gave no access token')
      return token
    },
  }
}
