import { Refusal } from '../errors.ts'
import type { KeeperOptions } from './ports.ts'

/** Which keys are being written in this process, and whether any may be. */
export type Writes = {
  /** Begins a write of some keys: waits for a pause to end, and throws 503 when that takes longer than `patience`. What it returns ends it, once. */
  begin(organization: string, ids: readonly string[]): Promise<() => void>
  /** Whether a write of this key (of any key) has begun and not ended. */
  of(organization: string, id: string | undefined): boolean
  /** Lets no write begin, and waits until none is under way. Throws 503 when that takes longer than `patience`. */
  pause(): Promise<void>
  resume(): void
}

type Patience = Pick<KeeperOptions, 'patience' | 'sleep'>

const CHANGING = 'the collection is changing its stage'

/** One text for a key of an organization. */
export const keyOf = (organization: string, id: string): string => JSON.stringify([organization, id])

export const makeWrites = (options: Patience): Writes => {
  const counts = new Map<string, number>()
  let paused: { over: Promise<void>; end: () => void } | undefined
  /** Those who wait for the last write to end. */
  const waiting: (() => void)[] = []
  const end = (key: string) => {
    const left = (counts.get(key) ?? 1) - 1
    if (left === 0) counts.delete(key)
    else counts.set(key, left)
    if (counts.size === 0) for (const go of waiting.splice(0)) go()
  }
  return {
    begin: async (organization, ids) => {
      if (paused) await patiently(paused.over, options, CHANGING)
      if (paused) throw later(CHANGING)
      const keys = ids.map(id => keyOf(organization, id))
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
      let open = true
      return () => {
        if (open) for (const key of keys) end(key)
        open = false
      }
    },
    of: (organization, id) => (id === undefined ? counts.size > 0 : counts.has(keyOf(organization, id))),
    pause: async () => {
      let end = () => {}
      const over = new Promise<void>(resolve => {
        end = resolve
      })
      paused = { over, end }
      if (counts.size === 0) return
      const drained = new Promise<void>(go => waiting.push(go))
      await patiently(drained, options, 'writes that began before are still running')
    },
    resume: () => {
      paused?.end()
      paused = undefined
    },
  }
}

/** A 503 that a little patience mends. */
export const later = (detail: string): Refusal => new Refusal('unavailable', detail, { retryAfter: 1 })

/** Waits for something, but no longer than `patience` milliseconds: then 503. */
export const patiently = async (waiting: Promise<unknown>, { patience, sleep }: Patience, detail: string): Promise<void> => {
  const late = Symbol('late')
  if ((await Promise.race([waiting, sleep(patience).then(() => late)])) === late) throw later(detail)
}
