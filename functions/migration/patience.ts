import { setTimeout } from 'node:timers/promises'
import { Refusal } from '../../shared/errors.ts'

const ATTEMPTS = 30

/** Does what may be done twice, and again while it is refused with a time after which to retry (`retryAfter`, in seconds). */
export const patiently = async <T>(
  work: () => Promise<T>,
  wait: (seconds: number) => Promise<void> = seconds => setTimeout(seconds * 1000),
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const seconds = error instanceof Refusal ? error.retryAfter : undefined
      if (seconds === undefined || attempt === ATTEMPTS) throw error
      await wait(seconds)
    }
  }
}
