import type { Scope } from '../db/scope.ts'
import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import { sameAnswer } from './measure.ts'
import { makeOff } from './off.ts'
import type { Answer, Call, Methods, MirrorOptions, Probe, View } from './ports.ts'
import { holdsMemory } from './stage.ts'
import { later } from './writes.ts'

type Store = { [method: string]: (scope: Scope, ...args: unknown[]) => Promise<unknown> }

const listed = (keys: string | readonly string[]): readonly string[] => (typeof keys === 'string' ? [keys] : keys)

const ATTEMPTS = 20
const RECHECKS = 5

/**
 * A store over memory and Postgres at once, for any store: reads and writes go where the collection's stage says.
 * Postgres executes every operation and orders it by version; memory takes over the rows that result, and only newer ones.
 */
export const makeMirror = <S extends object>(options: MirrorOptions<S>): S => {
  const { keeper, replica, probe, check, measure, sleep } = options
  const memory = options.memory as unknown as Store
  const postgres = options.postgres as unknown as Store

  /** Memory takes over what Postgres has said: at once, or when the transaction that it was said in has ended. */
  const learn = ({ unit }: Scope, around: Probe) => {
    const apply = () => {
      for (const entry of around.entries()) replica.apply(entry)
    }
    if (!unit) apply()
    else unit.onEnd(outcome => (outcome === 'committed' || outcome === 'refused') && apply(), around)
  }

  /** The one key that a call is about; none where it is about the whole collection. */
  const keyOf = ({ keys: [id, ...more], scope }: Call) =>
    id === undefined || more.length > 0 ? undefined : { organization: scope.organization_id, id }

  const settle = (call: Call): Promise<void> => keeper.settle(keyOf(call))

  const writing = ({ keys, scope }: Call): boolean =>
    keys.length === 0 ? keeper.writing(scope.organization_id, undefined) : keys.some(id => keeper.writing(scope.organization_id, id))

  const doubt = ({ keys, scope }: Call) => {
    for (const id of keys) keeper.doubt(scope.organization_id, id)
  }

  const ask = (store: Store, { name, args, scope }: Call, more?: Partial<Scope>): Promise<unknown> =>
    (store[name] as Store[string])(more ? { ...scope, ...more } : scope, ...args)

  const remembered = (call: Call): Promise<unknown> => measure.time('memory', () => ask(memory, call))

  /** Reads in memory, between two proofs that memory is ours and true. Undefined when it must be tried again. */
  const inMemory = async (view: View, call: Call): Promise<Answer> => {
    await settle(call)
    if (!keeper.owns(view)) return undefined
    const result = await remembered(call)
    return keeper.owns(view) ? { result } : undefined // what it waited for may have outlasted the proof
  }

  const inPostgres = (call: Call, more?: Partial<Scope>): Promise<unknown> => measure.time('postgres', () => ask(postgres, call, more))

  const readLive = async (view: View, call: Call): Promise<Answer> => {
    const { keys, scope } = call
    const around = probe(undefined, scope.organization_id, keys)
    try {
      const result = await inPostgres(call, { around })
      return keeper.holds(view) ? { result } : undefined
    } catch (error) {
      const failed = error instanceof Refusal && (error.code === 'unavailable' || error.code === 'overloaded')
      if (!failed || !options.fallback || !(await options.passed(scope)) || writing(call)) throw error
      if (keeper.doubted(keyOf(call))) throw error // what settles it is away: to wait for that would take longer than a request may
      measure.fallback()
      const answer = await inMemory(view, call)
      if (!answer) throw error
      return answer
    } finally {
      learn(scope, around)
    }
  }

  /** Memory answers, Postgres is asked beside it; what differs is looked at again, for it may only be on its way. */
  const readShadow = async (view: View, call: Call): Promise<Answer> => {
    for (let check = 1; ; check++) {
      const theirs = await inPostgres(call)
      const ours = await inMemory(view, call)
      if (!ours) return undefined
      const agree = sameAnswer(ours.result, theirs)
      if (agree || check === RECHECKS) {
        measure.compared(agree)
        return ours
      }
      await sleep(check)
    }
  }

  const readAt = async (view: View, call: Call): Promise<Answer> => {
    switch (view.row.stage) {
      case 'shadow':
        return readShadow(view, call)
      case 'live':
        return readLive(view, call)
      case 'rampdown': {
        const result = await inPostgres(call)
        return keeper.holds(view) ? { result } : undefined
      }
      case 'complete':
        return { result: await inPostgres(call, { validUntil: view.row.validUntil }) }
      case 'off':
        return off.read(view, call)
      default:
        await check(call.scope)
        return inMemory(view, call)
    }
  }

  /** Postgres first; memory is told only what has been committed. */
  const writeThrough = async (view: View, call: Call): Promise<Answer> => {
    const { keys, scope } = call
    const { organization_id: organization } = scope
    const around = probe(view.row.epoch, organization, keys)
    try {
      return { result: await inPostgres(call, { around }) }
    } catch (error) {
      if (error instanceof OutcomeUnknown) doubt(call)
      throw error
    } finally {
      learn(scope, around)
      scope.unit?.onEnd(outcome => outcome === 'unknown' && doubt(call))
    }
  }

  const elsewhere = async (call: Call, more: Partial<Scope>): Promise<Answer> => ({ result: await inPostgres(call, more) })

  /** Memory has to be told of all that is changed. Whoever did not name it took the stage for complete, and knows better by now. */
  const unnamed = ({ scope }: Call): Error => (scope.unit ? new EpochMoved() : later('the collection has left the stage complete'))

  const writeAt = async (view: View, call: Call): Promise<Answer> => {
    if (!call.named && holdsMemory(view.row.stage)) throw unnamed(call)
    switch (view.row.stage) {
      case 'off':
        return off.write(view, call)
      case 'rampdown':
        return elsewhere(call, { around: probe(view.row.epoch, call.scope.organization_id, []) })
      case 'complete':
        return elsewhere(call, { validUntil: view.row.validUntil })
      default:
        return writeThrough(view, call)
    }
  }

  /** Does it in the present stage, and again in the next one where the stage has moved: in a unit that is for who began it to do. */
  const persist = async (at: (view: View, call: Call) => Promise<Answer>, call: Call): Promise<unknown> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const view = await keeper.enter()
      try {
        const answer = await at(view, call)
        if (answer) return answer.result
      } catch (error) {
        if (!(error instanceof EpochMoved)) throw error
        keeper.moved(view)
      }
      if (call.scope.unit) break
    }
    throw new EpochMoved()
  }

  const write = async (call: Call): Promise<unknown> => {
    const { keys, scope } = call
    // begun once for all its attempts: a second beginning could wait for a pause that waits for the first to end
    const done = await keeper.write(scope.organization_id, keys)
    try {
      return await persist(writeAt, call)
    } finally {
      scope.unit ? scope.unit.onEnd(done) : done()
    }
  }

  const off = makeOff({ ...options, settle, inMemory: remembered })
  const store: Store = {}
  for (const [name, method] of Object.entries(options.methods) as [string, Methods<S>[keyof S]][]) {
    const keysOf = method.key as ((...args: unknown[]) => string | readonly string[] | undefined) | undefined
    store[name] = (scope, ...args) => {
      const keys = keysOf?.(...args)
      const call = { name, scope, args, keys: keys === undefined ? [] : listed(keys), named: keys !== undefined }
      return method.kind === 'read' ? persist(readAt, call) : write(call)
    }
  }
  return store as unknown as S
}
