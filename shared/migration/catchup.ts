import type { Replica } from '../memory.ts'
import type { StageDb } from './ports.ts'
import type { Entry, Stage } from './stage.ts'

/** What is copied in one transaction: so many entries, or so many characters of them. */
const CHUNK = 1000
const CHUNK_CHARACTERS = 1_000_000
/** What is left for the pause: as few entries as this, or as many as come anew while so many are brought over. */
const ENOUGH = 300

/** Brings memory and Postgres to the same state. `epoch` is the holder's: nothing is done under another. */
export type Catchup = {
  /** Puts what Postgres has in memory's place. */
  fill(epoch: string): Promise<void>
  /**
   * In off, while clients write: Postgres takes what memory changed, memory what was imported, until little is left on either side.
   * An entry that changes while it is copied stays dirty. The epoch must be this attempt's own: a copy that was sent under an
   * earlier one could arrive behind a later.
   */
  approach(epoch: string): Promise<void>
  /** From off into dualwrite with all that is left. Nothing may write meanwhile. */
  meet(epoch: string, to: Stage): Promise<void>
}

export const makeCatchup = (db: StageDb, replica: Replica): Catchup => {
  /** Memory has met every version up to this one; what Postgres commits from then on has a larger one. */
  let met = '0'

  const dirty = (): Entry[] => replica.dirty().map(({ organization_id, id }) => replica.read(organization_id, id) as Entry)

  /**
   * Tells how many entries came: those that are larger than `met`, and where memory has nothing newer of its own. Then it has met
   * all up to `mark`; what stands under a draft has to come once more.
   */
  const pull = async (mark?: string): Promise<number> => {
    let [count, all] = [0, true]
    for await (const page of ahead(db.entries(met))) {
      for (const entry of page)
        if (replica.drafted(entry)) all = false
        else replica.apply(entry)
      count += page.length
    }
    if (all && mark !== undefined) met = mark
    return count
  }

  const copy = async (epoch: string): Promise<number> => {
    const keys = replica.dirty()
    for (let from = 0; from < keys.length; ) {
      const chunk = chunkOf(replica, keys, from)
      from += chunk.length
      await db.copy(epoch, chunk, replica.newest())
      for (const entry of chunk) replica.clean(entry)
    }
    return keys.length
  }

  return {
    fill: async epoch => {
      replica.clear()
      met = await db.mark(epoch)
      for await (const page of ahead(db.entries())) for (const entry of page) replica.replace(entry)
    },
    approach: async epoch => {
      for (let [before, brought] = [Number.POSITIVE_INFINITY, 0]; ; before = brought) {
        const copied = await copy(epoch)
        brought = copied + (await pull(await db.mark(epoch)))
        if (brought <= ENOUGH || brought > before / 2) return
      }
    },
    meet: async (epoch, to) => {
      const left = dirty()
      await db.change(epoch, to, left, replica.newest())
      for (const entry of left) replica.clean(entry)
      await pull()
    },
  }
}

const chunkOf = (replica: Replica, keys: Pick<Entry, 'organization_id' | 'id'>[], from: number): Entry[] => {
  const chunk: Entry[] = []
  for (let characters = 0; chunk.length < CHUNK && characters < CHUNK_CHARACTERS && from + chunk.length < keys.length; ) {
    const { organization_id, id } = keys[from + chunk.length] as Entry
    const entry = replica.read(organization_id, id) as Entry
    chunk.push(entry)
    characters += entry.json.length
  }
  return chunk
}

/** Asks for the next page before the present one is worked on: Postgres makes it meanwhile. */
async function* ahead<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
  const asked = pages[Symbol.asyncIterator]()
  for (let next = asked.next(); ; ) {
    const { value, done } = await next
    if (done) return
    next = asked.next()
    next.catch(() => {}) // it is looked at when its turn comes
    yield value
  }
}
