import { Refusal } from '../errors.ts'
import type { KeeperOptions } from './ports.ts'

/** Which keys are being written in this process. */
export type Writes = {
  /** Begins a write of some keys; what it returns ends it, once. */
  begin(organization: string, ids: readonly string[]): () => void
  /** Whether a write of this key (of any key) has begun and not ended. */
  of(organization: string, id: string | undefined): boolean
  /** Waits until no write is under way. Throws 503 when that takes longer than `patience`. */
  drained(options: Pick<KeeperOptions, 'patience' | 'sleep'>): Promise<void>
}

/** One text for a key of an organization. */
export const keyOf = (organization: string, id: string): string => JSON.stringify([organization, id])

export const makeWrites = (): Writes => {
  const counts = new Map<string, number>()
  /** Those who wait for the last write to end. */
  const waiting: (() => void)[] = []
  const end = (key: string) => {
    const left = (counts.get(key) ?? 1) - 1
    if (left === 0) counts.delete(key)
    else counts.set(key, left)
    if (counts.size === 0) for (const go of waiting.splice(0)) go()
  }
  return {
    begin: (organization, ids) => {
      const keys = ids.map(id => keyOf(organization, id))
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
      let open = true
      return () => {
        if (open) for (const key of keys) end(key)
        open = false
      }
    },
    of: (organization, id) => (id === undefined ? counts.size > 0 : counts.has(keyOf(organization, id))),
    drained: async options => {
      if (counts.size === 0) return
      const over = new Promise<void>(go => waiting.push(go))
      await patiently(over, options, 'writes that began before are still running')
    },
  }
}

/** A 503 that a little patience mends. */
export const later = (detail: string): Refusal => new Refusal('unavailable', detail, { retryAfter: 1 })

/** Waits for something, but no longer than `patience` milliseconds: then 503. */
export const patiently = async (
  waiting: Promise<unknown>,
  { patience, sleep }: Pick<KeeperOptions, 'patience' | 'sleep'>,
  detail: string,
): Promise<void> => {
  const late = Symbol('late')
  if ((await Promise.race([waiting, sleep(patience).then(() => late)])) === late) throw later(detail)
}
