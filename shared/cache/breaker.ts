/** Spares a service that fails, and those who would wait for it. */
export type Breaker = {
  /** Whether the service may be asked now. */
  allows(): boolean
  succeeded(): void
  failed(): void
  /** Whether it is being spared. */
  isOpen(): boolean
}

const FAILURES = 3
const REST_MS = 500
const LONGEST_MS = 8000

/**
 * After three failures in a row the service is left alone for half a second, then asked once: every further failure doubles the rest,
 * up to 8 s, spread by a half so that processes do not come back together. `now` in milliseconds.
 */
export const makeBreaker = (now: () => number = () => performance.now(), random: () => number = Math.random): Breaker => {
  let failures = 0
  let until = 0
  const rest = () => Math.min(LONGEST_MS, REST_MS * 2 ** (failures - FAILURES)) * (0.75 + random() / 2)
  return {
    allows: () => {
      if (failures < FAILURES) return true
      if (now() < until) return false
      until = now() + rest() // one asks; the others wait for what it hears
      return true
    },
    succeeded: () => {
      failures = 0
    },
    failed: () => {
      failures++
      if (failures >= FAILURES) until = now() + rest()
    },
    isOpen: () => failures >= FAILURES,
  }
}
