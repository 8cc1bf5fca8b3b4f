import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import type { Replica } from '../memory.ts'
import { type Entry, holdsMemory, type Stage, type StageRow, stepOf } from './stage.ts'

/** What Postgres does for a keeper, each one transaction. A lost answer is OutcomeUnknown, a stale epoch EpochMoved. */
export type StageDb = {
  /**
   * Tells the stage and, where it asks for one, renews or takes this instance's lease, unless others hold what stands against it
   * (`granted`). `since` is the epoch in which this instance took the lease: from then on nobody else can have written.
   */
  enter(): Promise<{ row: StageRow; granted: boolean; since: string }>
  release(): Promise<void>
  /** Raises the epoch; waits for the writes of the old one to end. Only for the holder. */
  raise(epoch: string): Promise<string>
  /** Takes a step. `dirty` rows are written with new versions, which it returns. Refuses (conflict) without a needed clean pass. */
  change(epoch: string, to: Stage, dirty: Entry[], newest: bigint): Promise<Entry[]>
  entry(organization: string, id: string): Promise<Entry | undefined>
  /** All entries, in pages. */
  entries(): AsyncIterable<Entry[]>
}

export type KeeperOptions = {
  db: StageDb
  replica: Replica
  /** Milliseconds for which an answer of `enter` is relied on: less than the lease's and the cache's length by a safe margin. */
  rely: number
  /** How long a caller waits for a pause or a settlement before 503, in milliseconds. */
  patience: number
  now: () => number
  sleep: (milliseconds: number) => Promise<void>
  /** Called when an operator asked for a step elsewhere, which only this process can take. */
  wished: (to: Stage, epoch: string) => void
}

/** What one operation rests on. It is good while it is the keeper's own and its time is not over. */
export type View = { readonly row: StageRow; readonly until: number }

/** Knows where a collection stands, holds this process's lease on it, and sees that its memory is true while it is served. */
export type Keeper = {
  /** The present view, asked for anew where needed. 503 while it cannot be had: another holder, a fill, Postgres away. */
  enter(): Promise<View>
  /** The stage as far as it is known here. */
  stage(): Stage | undefined
  /** Whether a view is still the present one. */
  holds(view: View): boolean
  /** Forgets the view: Postgres said that it moved. */
  moved(view: View): void
  /** Begins a write of a key: waits for a pause to end (then 503). What it returns ends the write. */
  write(organization: string, id: string): Promise<() => void>
  /** Whether a write of this key (of any key) has begun and not ended. */
  writing(organization: string, id: string | undefined): boolean
  /** The outcome of a write of this key is unknown: it is not served until it is settled. */
  doubt(organization: string, id: string): void
  /** Settles what is in doubt of one key, or of the whole collection. 503 when that cannot be done now. */
  settle(key?: { organization: string; id: string }): Promise<void>
  change(to: Stage, expectedEpoch: string): Promise<StageRow>
  release(): Promise<void>
}

/** Another process holds what this one asks for: the stage is known, and it is not ours to serve. */
export class HeldElsewhere extends Refusal {
  constructor() {
    super('unavailable', 'another process still holds this collection', { retryAfter: 1 })
  }
}

/** How long to wait before Postgres is asked again how a change of stage ended. */
const READ_BACK_MS = 50

const keyOf = (organization: string, id: string): string => JSON.stringify([organization, id])

const later = (detail: string) => new Refusal('unavailable', detail, { retryAfter: 1 })

export const makeKeeper = ({ db, replica, rely, patience, now, sleep, wished }: KeeperOptions): Keeper => {
  let view: View | undefined
  /** The stage and epoch under which memory was last known to be true. */
  let filled: StageRow | undefined
  let entering: Promise<View> | undefined
  let pause: Promise<void> | undefined
  let changing = false
  const writing = new Map<string, number>()
  const doubts = new Map<string, { organization: string; id: string }>()
  let settling: Promise<void> | undefined

  const holds = (one: View) => one === view && now() < one.until
  const forget = () => {
    view = undefined
  }

  const fill = async (): Promise<void> => {
    forget()
    filled = undefined
    replica.clear()
    for await (const page of db.entries()) for (const entry of page) replica.replace(entry)
    doubts.clear()
  }

  /**
   * Whether memory is what it was when it was filled, and what this process has made of it since: nobody else held it in between
   * (an answer may have been lost, and the epoch risen unheard), and what off wrote has not been given new versions unheard.
   */
  const stillTrue = (row: StageRow, since: string): boolean =>
    filled !== undefined && BigInt(filled.epoch) >= BigInt(since) && (filled.stage !== 'off' || row.stage === 'off')

  const ask = async (): Promise<View> => {
    const asked = now()
    const { row, granted, since } = await db.enter()
    if (!granted) throw new HeldElsewhere()
    if (!holdsMemory(row.stage)) {
      if (filled !== undefined) replica.clear()
      filled = undefined
      doubts.clear()
    } else if (!stillTrue(row, since)) {
      await fill()
      filled = row
      return ask() // a fill may outlast the lease: serve only what is still ours
    } else filled = row
    view = { row, until: asked + rely }
    if (row.wish !== undefined && !changing) wished(row.wish, row.epoch)
    return view
  }

  const enter = async (): Promise<View> => {
    if (view && now() < view.until) return view
    entering ??= ask().finally(() => {
      entering = undefined
    })
    return entering
  }

  const patiently = async (waiting: Promise<unknown>, detail: string): Promise<void> => {
    const late = Symbol('late')
    if ((await Promise.race([waiting, sleep(patience).then(() => late)])) === late) throw later(detail)
  }

  const settleNow = async (): Promise<void> => {
    const present = await enter()
    const doubted = [...doubts]
    if (!holdsMemory(present.row.stage)) return doubts.clear()
    if (doubted.length === 0) return
    try {
      const epoch = await db.raise(present.row.epoch)
      const row = { ...present.row, epoch }
      for (const [key, { organization, id }] of doubted) {
        const entry = await db.entry(organization, id)
        if (entry) replica.apply(entry)
        doubts.delete(key)
      }
      if (view === present) {
        view = { row, until: present.until }
        filled = row
      }
    } catch (error) {
      forget()
      throw error
    }
  }

  const drained = async (): Promise<void> => {
    const deadline = now() + patience
    while (writing.size > 0) {
      if (now() >= deadline) throw later('writes that began before are still running')
      await sleep(1)
    }
  }

  /** No view, and none on its way that was asked for before now. */
  const forgetAll = async (): Promise<void> => {
    while (entering) await entering.catch(() => {})
    forget()
  }

  /**
   * Reads the stage until Postgres answers: nothing runs while the outcome of a change is unknown. `open` is the epoch that a change
   * of unknown outcome was sent under: it may still be made, until the epoch has moved.
   */
  const readBack = async (open: string | undefined): Promise<View> => {
    for (;;) {
      await forgetAll()
      try {
        const present = await enter()
        if (present.row.epoch !== open) return present
        await db.raise(open)
      } catch (error) {
        if (error instanceof HeldElsewhere) throw error
        await sleep(READ_BACK_MS)
      }
    }
  }

  const take = async (from: View, to: Stage): Promise<StageRow> => {
    const enteringDual = from.row.stage === 'off'
    const newest = replica.newest()
    const dirty = enteringDual ? replica.dirty() : []
    let failure: unknown = new EpochMoved()
    let open: string | undefined
    try {
      const written = await db.change(from.row.epoch, to, dirty, newest)
      for (const entry of written) replica.replace(entry)
      if (enteringDual) for await (const page of db.entries()) for (const entry of page) replica.apply(entry)
      if (filled?.epoch === from.row.epoch) filled = { ...filled, stage: to } // memory stays true through a step of its own
    } catch (error) {
      failure = error
      if (error instanceof OutcomeUnknown && holdsMemory(from.row.stage)) open = from.row.epoch
    }
    const { row } = await readBack(open)
    if (row.stage !== to) throw failure
    return row
  }

  return {
    enter,
    stage: () => view?.row.stage,
    holds,
    moved: one => {
      if (one === view) forget()
    },
    writing: (organization, id) => (id === undefined ? writing.size > 0 : writing.has(keyOf(organization, id))),
    write: async (organization, id) => {
      if (pause) await patiently(pause, 'the collection is changing its stage')
      if (pause) throw later('the collection is changing its stage')
      const key = keyOf(organization, id)
      writing.set(key, (writing.get(key) ?? 0) + 1)
      let open = true
      return () => {
        if (!open) return
        open = false
        const left = (writing.get(key) ?? 1) - 1
        if (left === 0) writing.delete(key)
        else writing.set(key, left)
      }
    },
    doubt: (organization, id) => void doubts.set(keyOf(organization, id), { organization, id }),
    settle: async key => {
      const concerned = () => (key ? doubts.has(keyOf(key.organization, key.id)) : doubts.size > 0)
      while (concerned()) {
        settling ??= settleNow().finally(() => {
          settling = undefined
        })
        await patiently(settling, 'the outcome of a write is being settled')
      }
    },
    change: async (to, expectedEpoch) => {
      if (changing) throw new Refusal('conflict', 'another change of stage is under way')
      changing = true
      let resume = () => {}
      try {
        const from = await enter()
        const step = stepOf(from.row.stage, to)
        if (!step) throw new Refusal('conflict', `${from.row.stage} does not lead to ${to}`)
        if (from.row.epoch !== expectedEpoch) throw new Refusal('conflict', `the epoch is ${from.row.epoch} by now, not ${expectedEpoch}`)
        if (step.pause) {
          pause = new Promise(resolve => {
            resume = resolve
          })
          await drained()
        }
        if (step.by === 'holder' && doubts.size > 0) await settleNow()
        return await take(view ?? from, to)
      } finally {
        pause = undefined
        changing = false
        resume()
      }
    },
    release: async () => {
      forget()
      filled = undefined
      await db.release()
    },
  }
}
