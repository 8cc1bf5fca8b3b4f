import type { Cache, CacheOptions } from '../cache/cache.ts'
import { vector } from '../cache/codecs.ts'
import type { Config } from '../config.ts'
import { readSecret } from '../db/cloudsql.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../observe/log.ts'
import { cachedEmbeddings } from './cached.ts'
import type { Embedder, Embeddings } from './embeddings.ts'
import { postgresVectors } from './kept.postgres.ts'
import { localEmbedder } from './local.ts'
import { openAiEmbedder } from './openai.ts'
import { googleIdentity, vertexEmbedder } from './vertex.ts'

/** The provider that is configured; undefined where callers bring their vectors. Nothing is asked before the first text. */
export const makeEmbedder = ({ embeddings, project }: Pick<Config, 'embeddings' | 'project'>): Embedder | undefined => {
  switch (embeddings.provider) {
    case 'none':
      return undefined
    case 'local':
      return localEmbedder()
    case 'vertex':
      return vertexEmbedder({ ...embeddings, ...googleIdentity(project) })
    case 'openai': {
      const { apiKeySecret: secret } = embeddings
      return openAiEmbedder({ ...embeddings, apiKey: secret === undefined ? undefined : () => readSecret(secret, project) })
    }
  }
}

/** An hour in front of the database, and what some 4,000 vectors take in this process. */
const HOT: CacheOptions<Float32Array> = { name: 'embeddings', codec: vector, seconds: 3600, bytes: 24 * 1024 * 1024 }

type Made = { db: Database; log: Log; cache: <T>(options: CacheOptions<T>) => Cache<T> }

/** The same, with what it made kept in the database. */
export const openEmbeddings = (config: Config, { db, log, cache }: Made): Embeddings | undefined => {
  const embedder = makeEmbedder(config)
  return embedder && cachedEmbeddings(embedder, postgresVectors(db), { cache: cache(HOT), log })
}
