import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { hashOf } from '../../shared/embeddings/key.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { unit } from '../../shared/embeddings/vector.ts'
import type { EmbeddedStore, GivenChunk, Pieces } from './documents.store.ts'
import { type Piece, piecesIn } from './split.ts'

/** A document's content (undefined where that stays), and its chunks where the caller cut it up; its id where it may be there already. */
export type Source = {
  id?: string | undefined
  content?: string | undefined
  chunks?: { content: string; embedding?: number[] | undefined }[] | undefined
}

/** More texts than these are left to the job complete-embeddings: a request waits, and its vectors fill one statement. */
const MOST = 500

const givenOf = ({ chunks }: Source): GivenChunk[] | null =>
  chunks?.map(({ content, embedding }) => ({ content, embedding: embedding && unit(embedding) })) ?? null

const hashOfChunks = (given: readonly GivenChunk[]): string => {
  const hash = createHash('sha256')
  for (const { content, embedding } of given) {
    hash.update(JSON.stringify(content))
    if (embedding) hash.update(Buffer.from(embedding.buffer))
  }
  return hash.digest('hex')
}

/** So many pieces are cut, in some 20 ms, before others have their turn: a document of a million characters takes a second. */
const TURN = 16

/** Cuts texts up, one after another. */
const cutter = () => {
  let cut = 0
  return async (text: string): Promise<Piece[]> => {
    const pieces: Piece[] = []
    for (const piece of piecesIn(text)) {
      pieces.push(piece)
      if (++cut % TURN === 0) await setImmediate()
    }
    return pieces
  }
}

type Cut = Pick<Pieces, 'given' | 'hash'> & { source: Source; list: Piece[] }

/** Of the documents that may be there, those that are there just so, with all their vectors. */
const settled = async (embedded: EmbeddedStore | undefined, scope: Scope, cut: readonly Cut[]): Promise<ReadonlySet<Source>> => {
  const told = cut.flatMap(({ source: { id, content }, hash }) =>
    id === undefined ? [] : [{ id, content: content && hashOf(content), chunks: hash }],
  )
  if (!embedded || told.length === 0) return new Set()
  const ids = await embedded.unchanged(scope, told)
  return new Set(cut.flatMap(({ source }) => (source.id !== undefined && ids.has(source.id) ? [source] : [])))
}

/**
 * Cuts documents up, and has the vectors of all their pieces made or found at once: of those, where `embedded` is asked, that are not
 * there just so (their vectors are for the job, should they change in this moment). Never inside a transaction.
 */
export const piecesOf = async (
  embeddings: Embeddings | undefined,
  scope: Scope,
  sources: readonly Source[],
  embedded?: EmbeddedStore,
): Promise<Pieces[]> => {
  const cutUp = cutter()
  const cut: Cut[] = []
  for (const source of sources) {
    const given = givenOf(source)
    const list = given ? given.map(({ content }) => ({ content, overlap: 0 })) : await cutUp(source.content ?? '')
    cut.push({ source, given, hash: given && hashOfChunks(given), list })
  }
  const done = embeddings ? await settled(embedded, scope, cut) : new Set()
  const texts = [...new Set(cut.flatMap(({ source, list }) => (done.has(source) ? [] : list.map(embeddedText.documents))))]
  const asks = embeddings && texts.length > 0 && texts.length <= MOST ? embeddings : undefined
  const vectors = asks ? await asks.embedSome(scope, texts) : []
  const known = new Map(texts.map((text, i) => [text, vectors[i]]))
  return cut.map(({ source, list, ...rest }) => {
    const asked = done.has(source) ? undefined : asks
    const pieces = list.map(piece => ({ ...piece, vector: known.get(embeddedText.documents(piece)) }))
    const missing = pieces.some(({ vector, content }) => vector === undefined && content.trim() !== '') // a blank one needs none
    const state = pieces.length === 0 ? 'none' : !asked ? 'pending' : missing ? 'failed' : 'done'
    return { ...rest, list: pieces, model: asked && { provider: asked.provider, model: asked.model, dimensions: asked.dimensions }, state }
  })
}
