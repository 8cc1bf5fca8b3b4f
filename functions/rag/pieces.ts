import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { unit } from '../../shared/embeddings/vector.ts'
import type { GivenChunk, Pieces } from './documents.store.ts'
import { type Piece, piecesIn } from './split.ts'

/** A document's content, and its chunks where the caller cut it up. */
export type Source = { content: string; chunks?: { content: string; embedding?: number[] | undefined }[] | undefined }

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

/** Cuts documents up, and has the vectors of all their pieces made or found at once. Never inside a transaction. */
export const piecesOf = async (embeddings: Embeddings | undefined, scope: Scope, sources: readonly Source[]): Promise<Pieces[]> => {
  const cutUp = cutter()
  const cut: (Pick<Pieces, 'given' | 'hash'> & { list: Piece[] })[] = []
  for (const source of sources) {
    const given = givenOf(source)
    const list = given ? given.map(({ content }) => ({ content, overlap: 0 })) : await cutUp(source.content)
    cut.push({ given, hash: given && hashOfChunks(given), list })
  }
  const texts = [...new Set(cut.flatMap(({ list }) => list.map(embeddedText.documents)))]
  const asks = embeddings && texts.length > 0 && texts.length <= MOST ? embeddings : undefined
  const vectors = asks ? await asks.embedSome(scope, texts) : []
  const known = new Map(texts.map((text, i) => [text, vectors[i]]))
  return cut.map(({ list, ...rest }) => {
    const pieces = list.map(piece => ({ ...piece, vector: known.get(embeddedText.documents(piece)) }))
    const missing = pieces.some(({ vector, content }) => vector === undefined && content.trim() !== '') // a blank one needs none
    const state = pieces.length === 0 ? 'none' : !asks ? 'pending' : missing ? 'failed' : 'done'
    return { ...rest, list: pieces, model: asks && { provider: asks.provider, model: asks.model, dimensions: asks.dimensions }, state }
  })
}
