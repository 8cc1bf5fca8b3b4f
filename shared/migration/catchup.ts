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
   * Reads what Postgres has by now into a memory that nobody is served from, so that a fill that follows soon has little left to do: it
   * reads what is another by then.
   */
  prepare(): Promise<void>
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
  /** Memory holds what was read before it became ours. */
  let prepared = false
  /** Counts those that began to read all: only the last one may go on. */
  let reading = 0

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

  /** Reads all that there is into an empty memory, unless another began to meanwhile. */
  const load = async (): Promise<boolean> => {
    const own = ++reading
    replica.clear()
    for await (const page of ahead(db.entries())) {
      if (own !== reading) return false
      for (const entry of page) replica.replace(entry)
    }
    return own === reading
  }

  /** What has another version in Postgres than here, by organization, and how many entries Postgres has. */
  const stale = async (): Promise<{ ids: Map<string, string[]>; count: number }> => {
    const ids = new Map<string, string[]>()
    let count = 0
    for await (const page of ahead(db.versions())) {
      count += page.length
      for (const { organization_id, id } of page.filter(stamp => !replica.has(stamp))) {
        const those = ids.get(organization_id) ?? []
        ids.set(organization_id, those)
        those.push(id)
      }
    }
    return { ids, count }
  }

  /** Reads anew what has changed since it was prepared; false where memory has more than there is. */
  const mend = async (): Promise<boolean> => {
    if (!prepared) return false
    prepared = false
    const { ids, count } = await stale()
    for (const [organization, all] of ids)
      for (let from = 0; from < all.length; from += CHUNK)
        for (const entry of await db.those(organization, all.slice(from, from + CHUNK))) replica.replace(entry)
    return replica.size() === count
  }

  return {
    fill: async epoch => {
      reading++
      met = await db.mark(epoch)
      if (!(await mend())) await load()
    },
    prepare: async () => {
      prepared = false
      prepared = await load()
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
