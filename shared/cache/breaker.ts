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
 * up to 8 s, spread by a half so that processes do not come back together. What was under way as it was left alone tells nothing more:
 * many that fail at one moment are one failure. `now` in milliseconds.
 */
export const makeBreaker = (now: () => number = () => performance.now(), random: () => number = Math.random): Breaker => {
  let failures = 0
  let rests = 0
  let until = 0
  let trying = false
  const rest = () => {
    until = now() + Math.min(LONGEST_MS, REST_MS * 2 ** rests) * (0.75 + random() / 2)
  }
  return {
    allows: () => {
      if (failures < FAILURES) return true
      if (now() < until) return false
      trying = true
      rest() // one asks; the others wait for what it hears
      return true
    },
    succeeded: () => {
      failures = 0
      rests = 0
      trying = false
    },
    failed: () => {
      if (failures < FAILURES) failures++
      else if (trying) rests++
      else return
      trying = false
      if (failures === FAILURES) rest()
    },
    isOpen: () => failures >= FAILURES,
  }
}
