import { setTimeout as wait } from 'node:timers/promises'
import { PASSED_MS } from '../migration/ports.ts'
import type { Log } from '../observe/log.ts'
import { type Redis, RedisFailed } from './redis.ts'

/**
 * Which organizations have had a credential end, too lately to trust what Postgres let through before. Postgres alone lets anybody in;
 * only the fallback of `live` goes by what it said within the last minute, and this takes that back, in every process.
 */
export type Revocations = {
  /** To be called once a credential of the organization may have ended: a session, a key, a user, a role. */
  ended(organization: string): Promise<void>
  /** Whether one has. Also when Redis is configured and cannot say. */
  mayHaveEnded(organization: string): Promise<boolean>
}

/** How soon Redis is told again what it could not be told (ms). */
const AGAIN_MS = 1000

export const makeRevocations = (redis: Redis | undefined, log: Log, now: () => number = () => performance.now()): Revocations => {
  const here = new Map<string, number>()
  const named = (organization: string) => `${redis?.prefix}ended:${organization}`
  const forget = () => {
    for (const [organization, until] of here) if (until <= now()) here.delete(organization)
  }
  /** Whether Redis was told. */
  const tell = async (organization: string): Promise<boolean> => {
    try {
      await redis?.ask(pipeline => pipeline.set(named(organization), '', { px: PASSED_MS }))
      return true
    } catch (error) {
      if (!(error instanceof RedisFailed)) throw error
      return false
    }
  }
  const untilTold = async (organization: string): Promise<void> => {
    do await wait(AGAIN_MS, undefined, { ref: false })
    while ((here.get(organization) ?? 0) > now() && !(await tell(organization)))
  }
  return {
    ended: async organization => {
      forget()
      here.set(organization, now() + PASSED_MS)
      if (await tell(organization)) return
      log(
        'warning',
        'other processes are not told yet that a credential ended: in live, memory may serve it for a minute if Postgres fails',
      )
      void untilTold(organization)
    },
    mayHaveEnded: async organization => {
      if ((here.get(organization) ?? 0) > now()) return true
      try {
        const [marks] = redis ? await redis.ask<[number]>(pipeline => pipeline.exists(named(organization))) : [0]
        return marks > 0
      } catch (error) {
        if (!(error instanceof RedisFailed)) throw error
        return true
      }
    },
  }
}

type Store = { [method: string]: (scope: { organization_id: string }, ...args: never[]) => Promise<unknown> }

/** The same store, of which `methods` may end credentials: that is told after each, also when nobody knows how it ended. */
export const telling = <S extends object>(store: S, { ended }: Revocations, methods: readonly (keyof S)[]): S => {
  const told = methods.map(name => {
    const work = (store as unknown as Store)[name as string] as Store[string]
    const method: Store[string] = async (scope, ...args) => {
      try {
        return await work(scope, ...args)
      } finally {
        await ended(scope.organization_id)
      }
    }
    return [name, method]
  })
  return { ...store, ...Object.fromEntries(told) }
}
