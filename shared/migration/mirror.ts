import type { Scope } from '../db/scope.ts'
import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import { sameAnswer } from './measure.ts'
import type { Methods, MirrorOptions, View } from './ports.ts'
import type { Entry } from './stage.ts'

type Store = { [method: string]: (scope: Scope, ...args: unknown[]) => Promise<unknown> }

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

  /** Reads in memory, in one step with the proof that memory is ours and true. Undefined when it must be tried again. */
  const inMemory = async (
    view: View,
    name: string,
    key: string | undefined,
    scope: Scope,
    args: unknown[],
  ): Promise<{ result: unknown } | undefined> => {
    await keeper.settle(key === undefined ? undefined : { organization: scope.organization_id, id: key })
    return keeper.holds(view) ? { result: await measure.time('memory', () => memory[name]?.(scope, ...args)) } : undefined
  }

  const inPostgres = (name: string, scope: Scope, args: unknown[]): Promise<unknown> =>
    measure.time('postgres', () => postgres[name]?.(scope, ...args)) as Promise<unknown>

  const readLive = async (
    view: View,
    name: string,
    key: string | undefined,
    scope: Scope,
    args: unknown[],
  ): Promise<{ result: unknown } | undefined> => {
    const around = probe(undefined, scope.organization_id, key)
    try {
      const result = await inPostgres(name, { ...scope, around }, args)
      learn(around.entry())
      return keeper.holds(view) ? { result } : undefined
    } catch (error) {
      const failed = error instanceof Refusal && (error.code === 'unavailable' || error.code === 'overloaded')
      if (!failed || !options.fallback || !options.passed(scope) || keeper.writing(scope.organization_id, key)) {
        learn(around.entry())
        throw error
      }
      measure.fallback()
      const answer = await inMemory(view, name, key, scope, args)
      if (!answer) throw error
      return answer
    }
  }

  /** Memory answers, Postgres is asked beside it; what differs is looked at again, for it may only be on its way. */
  const readShadow = async (
    view: View,
    name: string,
    key: string | undefined,
    scope: Scope,
    args: unknown[],
  ): Promise<{ result: unknown } | undefined> => {
    for (let check = 1; ; check++) {
      const theirs = await inPostgres(name, scope, args)
      const ours = await inMemory(view, name, key, scope, args)
      if (!ours) return undefined
      const agree = sameAnswer(ours.result, theirs)
      if (agree || check === RECHECKS) {
        measure.compared(agree)
        return ours
      }
      await sleep(check)
    }
  }

  const readAt = async (view: View, name: string, key: string | undefined, scope: Scope, args: unknown[]) => {
    switch (view.row.stage) {
      case 'shadow':
        return readShadow(view, name, key, scope, args)
      case 'live':
        return readLive(view, name, key, scope, args)
      case 'rampdown': {
        const result = await inPostgres(name, scope, args)
        return keeper.holds(view) ? { result } : undefined
      }
      case 'complete':
        return { result: await inPostgres(name, { ...scope, validUntil: view.row.validUntil }, args) }
      default:
        await check(scope)
        return inMemory(view, name, key, scope, args)
    }
  }

  const read = async (name: string, key: string | undefined, scope: Scope, args: unknown[]): Promise<unknown> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const view = await keeper.enter()
      try {
        const answer = await readAt(view, name, key, scope, args)
        if (answer) return answer.result
      } catch (error) {
        if (!(error instanceof EpochMoved) || scope.unit) throw error
        keeper.moved(view)
      }
    }
    throw new EpochMoved()
  }

  /** Postgres first; memory is told only what has been committed. */
  const writeThrough = async (view: View, name: string, key: string, scope: Scope, args: unknown[]): Promise<unknown> => {
    const { organization_id: organization } = scope
    if (view.row.stage === 'rampdown') return inPostgres(name, { ...scope, around: probe(view.row.epoch, organization, undefined) }, args)
    const around = probe(view.row.epoch, organization, key)
    try {
      const result = await inPostgres(name, { ...scope, around }, args)
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

  /** Undefined when it must be tried again. */
  const writeAt = async (
    view: View,
    name: string,
    key: string,
    scope: Scope,
    args: unknown[],
  ): Promise<{ result: unknown } | undefined> => {
    const { stage, validUntil } = view.row
    if (stage === 'complete') return { result: await inPostgres(name, { ...scope, validUntil }, args) }
    if (stage !== 'off') return { result: await writeThrough(view, name, key, scope, args) }
    await check(scope)
    // a pause that has begun waits for this write, so that memory still takes it
    return keeper.holds(view) ? { result: await memory[name]?.(scope, ...args) } : undefined
  }

  /** The same, with a refusal by the epoch as a reason to try again (but not in a unit, whose transaction it has ended). */
  const tryWrite = async (name: string, key: string, scope: Scope, args: unknown[]): Promise<{ result: unknown } | undefined> => {
    const view = await keeper.enter()
    try {
      return await writeAt(view, name, key, scope, args)
    } catch (error) {
      if (!(error instanceof EpochMoved) || scope.unit) throw error
      keeper.moved(view)
      return undefined
    }
  }

  const write = async (name: string, key: string, scope: Scope, args: unknown[]): Promise<unknown> => {
    // begun once for all its attempts: a second beginning could wait for a pause that waits for the first to end
    const done = await keeper.write(scope.organization_id, key)
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const answer = await tryWrite(name, key, scope, args)
        if (answer) return answer.result
      }
      throw new EpochMoved()
    } finally {
      scope.unit ? scope.unit.onEnd(done) : done()
    }
  }

  const store: Store = {}
  for (const [name, method] of Object.entries(options.methods) as [string, Methods<S>[keyof S]][]) {
    const keyOf = method.key as ((...args: unknown[]) => string) | undefined
    store[name] =
      method.kind === 'read'
        ? (scope, ...args) => read(name, keyOf?.(...args), scope, args)
        : (scope, ...args) => write(name, (keyOf as (...args: unknown[]) => string)(...args), scope, args)
  }
  return store as unknown as S
}
