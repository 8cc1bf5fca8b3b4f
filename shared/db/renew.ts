const LEAST_MS = 1_000
const MOST_MS = 5_000

/** Work that may be asked for at any time, and is done once at a time, with growing pauses. */
export type Spaced = {
  /** Does it, or joins who is at it; false within the pause after the last time. Throws what `work` throws. */
  run(): Promise<boolean>
  /** All is well: what goes wrong next is something new, and need not wait. */
  helped(): void
}

/** Spaces `work` out: 1 s after the first time, then 2 s, then 5 s. What it asks may have a quota, and many processes ask. (A clock that is set back must not make it wait.) */
export const spaced = (work: () => Promise<void>, now: () => number = () => performance.now()): Spaced => {
  let running: Promise<boolean> | undefined
  let notBefore = Number.NEGATIVE_INFINITY
  let pause = LEAST_MS
  const once = async (): Promise<boolean> => {
    try {
      await work()
      return true
    } finally {
      running = undefined
      notBefore = now() + pause
      pause = Math.min(2 * pause, MOST_MS)
    }
  }
  return {
    run: async () => {
      if (running === undefined && now() < notBefore) return false
      running ??= once()
      return running
    },
    helped: () => {
      notBefore = Number.NEGATIVE_INFINITY
      pause = LEAST_MS
    },
  }
}
