import type { Scope } from '../db/scope.ts'
import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import { sameAnswer } from './measure.ts'
import type { Methods, MirrorOptions, View } from './ports.ts'
import type { Entry } from './stage.ts'

type Store = { [method: string]: (scope: Scope, ...args: unknown[]) => Promise<unknown> }

/** One call of a store's method: its name, and the keys that it is about (none for a list). */
type Call = { name: string; scope: Scope; args: unknown[]; keys: readonly string[] }

/** What a call came to; undefined when it must be tried again. */
type Answer = { result: unknown } | undefined

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

  const learn = (entries: readonly Entry[]) => {
    for (const entry of entries) replica.apply(entry)
  }

  /** What is in doubt of the one key that a call is about, else of the whole collection. */
  const settle = ({ keys: [id, ...more], scope }: Call): Promise<void> =>
    keeper.settle(id === undefined || more.length > 0 ? undefined : { organization: scope.organization_id, id })

  const writing = ({ keys, scope }: Call): boolean =>
    keys.length === 0 ? keeper.writing(scope.organization_id, undefined) : keys.some(id => keeper.writing(scope.organization_id, id))

  const doubt = ({ keys, scope }: Call) => {
    for (const id of keys) keeper.doubt(scope.organization_id, id)
  }

  const ask = async (store: Store, { name, scope, args }: Call): Promise<unknown> => store[name]?.(scope, ...args)

  /** Reads in memory, in one step with the proof that memory is ours and true. Undefined when it must be tried again. */
  const inMemory = async (view: View, call: Call): Promise<Answer> => {
    await settle(call)
    return keeper.holds(view) ? { result: await measure.time('memory', () => ask(memory, call)) } : undefined
  }

  const inPostgres = (call: Call, more: Partial<Scope> = {}): Promise<unknown> =>
    measure.time('postgres', () => ask(postgres, { ...call, scope: { ...call.scope, ...more } }))

  const readLive = async (view: View, call: Call): Promise<Answer> => {
    const { keys, scope } = call
    const around = probe(undefined, scope.organization_id, keys)
    try {
      const result = await inPostgres(call, { around })
      learn(around.entries())
      return keeper.holds(view) ? { result } : undefined
    } catch (error) {
      const failed = error instanceof Refusal && (error.code === 'unavailable' || error.code === 'overloaded')
      if (!failed || !options.fallback || !options.passed(scope) || writing(call)) {
        learn(around.entries())
        throw error
      }
      measure.fallback()
      const answer = await inMemory(view, call)
      if (!answer) throw error
      return answer
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
      default:
        await check(call.scope)
        return inMemory(view, call)
    }
  }

  /** Postgres first; memory is told only what has been committed. */
  const writeThrough = async (view: View, call: Call): Promise<unknown> => {
    const { keys, scope } = call
    const { organization_id: organization } = scope
    if (view.row.stage === 'rampdown') return inPostgres(call, { around: probe(view.row.epoch, organization, []) })
    const around = probe(view.row.epoch, organization, keys)
    try {
      const result = await inPostgres(call, { around })
      if (!scope.unit) learn(around.entries())
      return result
    } catch (error) {
      if (error instanceof OutcomeUnknown) doubt(call)
      else if (!scope.unit) learn(around.entries())
      throw error
    } finally {
      scope.unit?.onEnd(outcome => {
        if (outcome === 'committed') learn(around.entries())
        else if (outcome === 'unknown') doubt(call)
      })
    }
  }

  const writeAt = async (view: View, call: Call): Promise<Answer> => {
    const { stage, validUntil } = view.row
    if (stage === 'complete') return { result: await inPostgres(call, { validUntil }) }
    if (stage !== 'off') return { result: await writeThrough(view, call) }
    await check(call.scope)
    // a pause that has begun waits for this write, so that memory still takes it
    return keeper.holds(view) ? { result: await ask(memory, call) } : undefined
  }

  /**
   * Does it in the present stage, and again in the next one where the epoch refuses it (but not in a unit, whose transaction that
   * has ended).
   */
  const persist = async (at: (view: View, call: Call) => Promise<Answer>, call: Call): Promise<unknown> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const view = await keeper.enter()
      try {
        const answer = await at(view, call)
        if (answer) return answer.result
      } catch (error) {
        if (!(error instanceof EpochMoved) || call.scope.unit) throw error
        keeper.moved(view)
      }
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

  const store: Store = {}
  for (const [name, method] of Object.entries(options.methods) as [string, Methods<S>[keyof S]][]) {
    const keysOf = method.key as ((...args: unknown[]) => string | readonly string[]) | undefined
    store[name] = (scope, ...args) => {
      const call = { name, scope, args, keys: [keysOf?.(...args) ?? []].flat() }
      return method.kind === 'read' ? persist(readAt, call) : write(call)
    }
  }
  return store as unknown as S
}
