import type { Scope } from '../../shared/db/scope.ts'
import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { hashOf } from '../../shared/embeddings/key.ts'
import type { Part } from '../../shared/job.ts'
import { type CompletionStore, type Generation, type Lack, type Made, type Searched, searched } from './complete.store.ts'

/** Walks over a collection until one finds nothing that was written by a former model meanwhile. */
const WALKS = 3

/** What became of an organization's collection: items worked on, and those (`collection/id`) of which the model refuses a text. */
type Done = { rows: number; refused: string[] }

/**
 * Makes the vectors that items wait for, a part for each collection. Where the configured model is another than the one that serves, its
 * generation is built beside that, of every item, and serves in one step when it is whole; then the former one's vectors go. Where the
 * provider fails the run fails, and the next one goes on from there; items whose text is refused stay failed, and the run tells of them.
 */
export const completion = (completions: CompletionStore, embeddings: Embeddings): Part[] => {
  const embedded = async (scope: Scope, lacks: readonly Lack[]): Promise<{ made: Made[]; failed: string[] }> => {
    const texts = lacks.map(({ text }) => text)
    const vectors = await embeddings.embedEach(scope, texts)
    const made = lacks.flatMap(({ item, chunk, text }, i) => (vectors[i] ? [{ item, chunk, hash: hashOf(text), vector: vectors[i] }] : []))
    const failed = lacks.filter(({ text }, i) => !vectors[i] && text.trim() !== '').map(({ item }) => item)
    return { made, failed }
  }
  const walk = async (scope: Scope, generation: Generation, done: Done): Promise<void> => {
    for (let after = ''; ; ) {
      const page = await completions.page(scope, generation, after)
      const last = page.items.at(-1)
      if (last === undefined) return
      const { made, failed } = await embedded(scope, page.lacks)
      done.rows += await completions.write(scope, generation, page, made, failed)
      done.refused.push(...new Set(failed.map(id => `${scope.organization_id}/${id}`)))
      after = last.id
    }
  }
  const clear = async (scope: Scope, collection: Searched): Promise<void> => {
    while ((await completions.clear(scope, collection)) > 0);
  }
  const complete = async (scope: Scope, collection: Searched): Promise<Done> => {
    const done: Done = { rows: 0, refused: [] }
    await clear(scope, collection)
    const generation = await completions.generation(scope, collection, embeddings)
    for (let walks = 1; walks <= WALKS; walks++) {
      done.refused = []
      await walk(scope, generation, done)
      if (!generation.rebuilt) return done
      if (await completions.serve(scope, generation)) {
        await clear(scope, collection)
        return done
      }
    }
    throw new Error(`${collection} of ${scope.organization_id} is still being written by processes with another model`)
  }

  return searched.map(collection => ({
    name: collection,
    run: async scope => {
      let rows = 0
      const refused: string[] = []
      for (const organization_id of await completions.due(scope, collection, embeddings)) {
        const done = await complete({ ...scope, organization_id }, collection)
        rows += done.rows
        refused.push(...done.refused)
      }
      if (refused.length > 0)
        throw new Error(`${rows} done, ${refused.length} refused by ${embeddings.provider}: ${refused.slice(0, 10).join(', ')}`)
      return rows
    },
  }))
}
