import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import { makeCatchup } from './catchup.ts'
import { makeDoubts } from './doubts.ts'
import type { Keeper, KeeperOptions, View } from './ports.ts'
import { HeldElsewhere, holdsMemory, type Stage, type StageRow, stepOf } from './stage.ts'
import { makeWrites, patiently } from './writes.ts'

/** How long to wait before Postgres is asked again how a change of stage ended. */
const READ_BACK_MS = 50

export const makeKeeper = ({ db, replica, rely, watch, patience, sleep, wished }: KeeperOptions): Keeper => {
  let view: View | undefined
  /** The stage and epoch under which memory was last known to be true. */
  let filled: StageRow | undefined
  let entering: Promise<View> | undefined
  let changing = false
  /** A step is on its way after which others write too: from its COMMIT on, of which this process hears later. */
  let leaving = false
  const writes = makeWrites({ patience, sleep })
  const catchup = makeCatchup(db, replica)
  const doubts = makeDoubts(db, replica)
  let settling: Promise<void> | undefined

  const holds = (one: View) => one === view && one.age() < rely
  const forget = () => {
    view = undefined
  }

  const fill = async ({ epoch }: StageRow): Promise<void> => {
    forget()
    filled = undefined
    await catchup.fill(epoch)
    doubts.clear()
  }

  /**
   * Whether memory is what it was when it was filled, and what this process has made of it since: nobody else held it in between
   * (an answer may have been lost, and the epoch risen unheard), and what off wrote has not been given new versions unheard.
   */
  const stillTrue = (row: StageRow, since: string): boolean =>
    filled !== undefined && BigInt(filled.epoch) >= BigInt(since) && (filled.stage !== 'off' || row.stage === 'off')

  const ask = async (): Promise<View> => {
    const age = watch()
    const { row, granted, since } = await db.enter()
    if (!granted) throw new HeldElsewhere()
    if (!holdsMemory(row.stage)) {
      if (filled !== undefined || !changing) replica.clear() // what was read ahead of a step that was refused goes, too
      filled = undefined
      doubts.clear()
    } else if (!stillTrue(row, since)) {
      await fill(row)
      filled = row
      return ask() // a fill may outlast the lease: serve only what is still ours
    } else filled = row
    view = { row, age }
    if (!changing) wished(row)
    return view
  }

  const enter = async (): Promise<View> => {
    if (view && view.age() < rely) return view
    entering ??= ask().finally(() => {
      entering = undefined
    })
    return entering
  }

  const settleNow = async (): Promise<void> => {
    const present = await enter()
    const doubted = doubts.all()
    if (!holdsMemory(present.row.stage)) return doubts.clear()
    if (doubted.length === 0) return
    try {
      const row = { ...present.row, epoch: await db.raise(present.row.epoch) }
      await doubts.conclude(doubted)
      if (view === present) {
        view = { ...present, row }
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
    const { epoch, stage } = from.row
    await (stage === 'off' ? catchup.meet(epoch, to) : db.change(epoch, to, [], replica.newest()))
    if (filled?.epoch === from.row.epoch) filled = { ...filled, stage: to } // memory stays true through a step of its own
  }

  /** Before a pause: under an epoch of its own, behind which nothing that an earlier attempt sent can arrive. */
  const approach = async (present: View): Promise<void> => {
    try {
      const row = { ...present.row, epoch: await db.raise(present.row.epoch) }
      if (view === present) {
        view = { ...present, row }
        filled = row
      }
      await catchup.approach(row.epoch)
    } catch (error) {
      forget()
      throw error
    }
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
    owns: one => holds(one) && !leaving,
    changing: () => changing,
    moved: one => {
      if (one === view) forget()
    },
    writing: writes.of,
    write: writes.begin,
    doubt: (organization, id, drafted) => doubts.add({ organization, id, drafted }),
    doubted: key => doubts.of(key),
    settle: async key => {
      while (doubts.of(key)) {
        settling ??= settleNow().finally(() => {
          settling = undefined
        })
        await patiently(settling, { patience, sleep }, 'the outcome of a write is being settled')
      }
    },
    change: async (to, expectedEpoch) => {
      if (changing) throw new Refusal('conflict', 'another change of stage is under way', { retryAfter: 1 })
      changing = true
      try {
        const from = await enter()
        const step = stepOf(from.row.stage, to)
        if (!step) throw new Refusal('conflict', `${from.row.stage} does not lead to ${to}`)
        if (from.row.epoch !== expectedEpoch) throw new Refusal('conflict', `the epoch is ${from.row.epoch} by now, not ${expectedEpoch}`)
        if (from.row.stage === 'off') await approach(from)
        if (step.ahead) await catchup.prepare()
        if (step.pause) await writes.pause()
        if (step.by === 'holder' && doubts.of(undefined)) await settleNow()
        leaving = holdsMemory(from.row.stage) && !holdsMemory(to)
        const present = await enter()
        if (present.row.stage !== from.row.stage) throw new Refusal('conflict', `the stage became ${present.row.stage} meanwhile`)
        return await take(present, to)
      } finally {
        leaving = false
        changing = false
        writes.resume()
      }
    },
    release: async () => {
      forget()
      filled = undefined
      await db.release()
    },
  }
}
