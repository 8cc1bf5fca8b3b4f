import type { Scope } from '../db/scope.ts'
import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import { sameAnswer } from './measure.ts'
import type { Methods, MirrorOptions, View } from './ports.ts'
import type { Entry } from './stage.ts'

type Store = { [method: string]: (scope: Scope, ...args: unknown[]) => Promise<unknown> }

/** One call of a store's method: its name, and the key that it is about (none for a list). */
type Call = { name: string; scope: Scope; args: unknown[]; key: string | undefined }
type Write = Call & { key: string }

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

  const learn = (entry: Entry | undefined) => {
    if (entry) replica.apply(entry)
  }

  const keyOf = ({ key, scope }: Call) => (key === undefined ? undefined : { organization: scope.organization_id, id: key })

  const ask = async (store: Store, { name, scope, args }: Call): Promise<unknown> => store[name]?.(scope, ...args)

  /** Reads in memory, in one step with the proof that memory is ours and true. Undefined when it must be tried again. */
  const inMemory = async (view: View, call: Call): Promise<Answer> => {
    await keeper.settle(keyOf(call))
    return keeper.owns(view) ? { result: await measure.time('memory', () => ask(memory, call)) } : undefined
  }

  const inPostgres = (call: Call, more: Partial<Scope> = {}): Promise<unknown> =>
    measure.time('postgres', () => ask(postgres, { ...call, scope: { ...call.scope, ...more } }))

  const readLive = async (view: View, call: Call): Promise<Answer> => {
    const { key, scope } = call
    const around = probe(undefined, scope.organization_id, key)
    try {
      const result = await inPostgres(call, { around })
      learn(around.entry())
      return keeper.holds(view) ? { result } : undefined
    } catch (error) {
      const failed = error instanceof Refusal && (error.code === 'unavailable' || error.code === 'overloaded')
      if (!failed || !options.fallback || !options.passed(scope) || keeper.writing(scope.organization_id, key)) {
        learn(around.entry())
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
  const writeThrough = async (view: View, call: Write): Promise<unknown> => {
    const { key, scope } = call
    const { organization_id: organization } = scope
    if (view.row.stage === 'rampdown') return inPostgres(call, { around: probe(view.row.epoch, organization, undefined) })
    const around = probe(view.row.epoch, organization, key)
    try {
      const result = await inPostgres(call, { around })
      if (!scope.unit) learn(around.entry())
      return result
    } catch (error) {
      if (error instanceof OutcomeUnknown) keeper.doubt(organization, key)
      else if (!scope.unit) learn(around.entry())
      throw error
    } finally {
      scope.unit?.onEnd(outcome => {
        if (outcome === 'committed') learn(around.entry())
        else if (outcome === 'unknown') keeper.doubt(organization, key)
      })
    }
  }

  const writeAt = async (view: View, call: Write): Promise<Answer> => {
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
  const persist = async <C extends Call>(at: (view: View, call: C) => Promise<Answer>, call: C): Promise<unknown> => {
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

  const write = async (call: Write): Promise<unknown> => {
    const { key, scope } = call
    // begun once for all its attempts: a second beginning could wait for a pause that waits for the first to end
    const done = await keeper.write(scope.organization_id, key)
    try {
      return await persist(writeAt, call)
    } finally {
      scope.unit ? scope.unit.onEnd(done) : done()
    }
  }

  const store: Store = {}
  for (const [name, method] of Object.entries(options.methods) as [string, Methods<S>[keyof S]][]) {
    const keyOfArgs = method.key as ((...args: unknown[]) => string) | undefined
    store[name] =
      method.kind === 'read'
        ? (scope, ...args) => persist(readAt, { name, scope, args, key: keyOfArgs?.(...args) })
        : (scope, ...args) => write({ name, scope, args, key: (keyOfArgs as (...args: unknown[]) => string)(...args) })
  }
  return store as unknown as S
}
