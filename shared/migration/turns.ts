import type { KeeperOptions } from './ports.ts'
import { patiently } from './writes.ts'

/** Lets one at a time have a key: who asks later waits for its turn. */
export type Turns = {
  /** Takes several turns, in an order that is the same for all; what it returns ends them. Throws 503 where the wait is too long. */
  take(keys: readonly string[]): Promise<() => void>
}

export const makeTurns = (options: Pick<KeeperOptions, 'patience' | 'sleep'>): Turns => {
  const last = new Map<string, Promise<void>>()
  const takeOne = async (key: string): Promise<() => void> => {
    const before = last.get(key)
    let end = () => {}
    const over = new Promise<void>(resolve => {
      end = resolve
    })
    const mine = Promise.all([before, over]).then(() => {
      if (last.get(key) === mine) last.delete(key)
    })
    last.set(key, mine)
    try {
      if (before !== undefined) await patiently(before, options, 'another request writes the same')
      return end
    } catch (error) {
      end()
      throw error
    }
  }
  return {
    take: async keys => {
      const taken: (() => void)[] = []
      const endAll = () => {
        for (const end of taken) end()
      }
      try {
        for (const key of [...new Set(keys)].sort()) taken.push(await takeOne(key))
        return endAll
      } catch (error) {
        endAll()
        throw error
      }
    },
  }
}
