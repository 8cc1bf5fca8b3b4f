import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import type { Keeper, KeeperOptions, View } from './ports.ts'
import { HeldElsewhere, holdsMemory, type Stage, type StageRow, stepOf } from './stage.ts'
import { drained, keyOf, later, makeWrites } from './writes.ts'

/** How long to wait before Postgres is asked again how a change of stage ended. */
const READ_BACK_MS = 50

export const makeKeeper = ({ db, replica, rely, patience, now, sleep, wished }: KeeperOptions): Keeper => {
  let view: View | undefined
  /** The stage and epoch under which memory was last known to be true. */
  let filled: StageRow | undefined
  let entering: Promise<View> | undefined
  let pause: Promise<void> | undefined
  let changing = false
  const writes = makeWrites()
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

  /** No view, and none on its way that was asked for before now. */
  const forgetAll = async (): Promise<void> => {
    while (entering !== undefined) await entering.catch(() => {})
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

  /** Makes a step; what memory had to itself goes along into dualwrite, and what Postgres had to itself comes back. */
  const make = async (from: View, to: Stage): Promise<void> => {
    const enteringDual = from.row.stage === 'off'
    const newest = replica.newest()
    const dirty = enteringDual ? replica.dirty() : []
    const written = await db.change(from.row.epoch, to, dirty, newest)
    for (const entry of written) replica.replace(entry)
    if (enteringDual) for await (const page of db.entries()) for (const entry of page) replica.apply(entry)
    if (filled?.epoch === from.row.epoch) filled = { ...filled, stage: to } // memory stays true through a step of its own
  }

  /** Takes a step and learns from Postgres how it ended. */
  const take = async (from: View, to: Stage): Promise<StageRow> => {
    let failure: unknown = new EpochMoved()
    let open: string | undefined
    try {
      await make(from, to)
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
    writing: writes.of,
    write: async (organization, ids) => {
      if (pause !== undefined) await patiently(pause, 'the collection is changing its stage')
      if (pause !== undefined) throw later('the collection is changing its stage')
      return writes.begin(organization, ids)
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
          await drained(writes, { patience, now, sleep })
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
