import type { Step, Unit } from '../db/scope.ts'
import type { Draft } from '../draft.ts'
import { EpochMoved } from '../errors.ts'
import type { Answer, Call, MirrorOptions, View } from './ports.ts'
import { makeTurns } from './turns.ts'
import { keyOf } from './writes.ts'

/** What a unit does in off: what it has drafted, and the turns that it has taken. Both end with it. */
type Work = { draft: Draft; turns: Set<string> }

type Options = Pick<MirrorOptions<object>, 'keeper' | 'replica' | 'probe' | 'check' | 'patience' | 'sleep'> & {
  settle(call: Call): Promise<void>
  inMemory(call: Call): Promise<unknown>
}

/**
 * Reads and writes in `off`: memory answers, and Postgres says whether the caller may ask. What carries an Idempotency-Key is
 * drafted, and is there for others once its transaction has committed the answer: its effect and its answer are one.
 */
export const makeOff = ({ keeper, replica, probe, check, patience, sleep, settle, inMemory }: Options) => {
  const turns = makeTurns({ patience, sleep })
  const works = new WeakMap<Unit, Work>()

  /**
   * What memory does, in one step with the proof that it is ours, and within the draft of its unit. A store that waits for something
   * first takes its step behind that, and the proof again.
   */
  const inSteps = async (proved: (view: View) => boolean, view: View, call: Call): Promise<Answer> => {
    if (!proved(view)) return undefined
    const { scope } = call
    const draft = scope.unit && works.get(scope.unit)?.draft
    const step: Step = work => {
      if (!proved(view)) throw new EpochMoved()
      return draft ? draft.within(work) : work()
    }
    return { result: await step(() => inMemory({ ...call, scope: { ...scope, step } })) }
  }

  const workOf = (unit: Unit): Work => {
    const work = works.get(unit) ?? { draft: replica.draft(), turns: new Set() }
    works.set(unit, work)
    return work
  }

  /** Once for a unit and a key. A retry of a request takes its turn behind the first, whose answer it is to hear. */
  const takeTurns = async (unit: Unit, organization: string, keys: readonly string[]): Promise<void> => {
    const taken = workOf(unit).turns
    const wanted = [JSON.stringify([organization, 'unit', unit.id]), ...keys].filter(key => !taken.has(key))
    unit.onEnd(await turns.take(wanted))
    for (const key of wanted) taken.add(key)
  }

  const writeDrafted = async (view: View, unit: Unit, call: Call): Promise<Answer> => {
    const { organization_id: organization } = call.scope
    await takeTurns(
      unit,
      organization,
      call.keys.map(id => keyOf(organization, id)),
    )
    await settle(call)
    // held to its end: nobody takes over while the transaction is open, and what becomes of it can be waited for
    await check({ ...call.scope, around: probe(view.row.epoch, organization, []) })
    const { draft } = workOf(unit)
    unit.onEnd(outcome => {
      if (outcome === 'committed') draft.keep()
      else if (outcome === 'unknown') for (const id of call.keys) keeper.doubt(organization, id, { unit: unit.id, draft })
      else draft.drop()
    })
    return inSteps(keeper.holds, view, call)
  }

  return {
    read: async (view: View, call: Call): Promise<Answer> => {
      await check(call.scope)
      await settle(call)
      const answer = await inSteps(keeper.owns, view, call)
      return keeper.owns(view) ? answer : undefined // what it waited for may have outlasted the proof
    },
    write: async (view: View, call: Call): Promise<Answer> => {
      const { scope, keys } = call
      if (scope.unit) return writeDrafted(view, scope.unit, call)
      await check(scope)
      const end = await turns.take(keys.map(id => keyOf(scope.organization_id, id)))
      try {
        await settle(call)
        // a pause that has begun waits for this write, so that memory still takes it
        return await inSteps(keeper.holds, view, call)
      } finally {
        end()
      }
    },
  }
}
