import { setTimeout as wait } from 'node:timers/promises'

/** Milliseconds from the beginning of the heal: until a write was acknowledged, until half of the rate before was back. */
export type Recovery = { first: number; half: number }

/** The rate is looked at in windows of so many milliseconds. */
const WINDOW_MS = 200

/** Acknowledged writes a millisecond, over so many and until there are `least`; `acknowledged` are their times, and grows. */
export const rateOver = async (acknowledged: number[], ms: number, least: number, hope: () => boolean): Promise<number> => {
  const [begun, before] = [performance.now(), acknowledged.length]
  await wait(ms)
  while (hope() && acknowledged.length < before + least) await wait(20)
  return (acknowledged.length - before) / (performance.now() - begun)
}

/** Undefined when it is not back as long as `hope` holds. */
export const recovered = async (
  acknowledged: number[],
  healing: number,
  rate: number,
  hope: () => boolean,
): Promise<Recovery | undefined> => {
  const begin = acknowledged.findLastIndex(at => at < healing) + 1
  const enough = Math.max(1, Math.ceil((rate / 2) * WINDOW_MS))
  for (; hope(); await wait(20))
    for (let i = begin; i + enough <= acknowledged.length; i++) {
      const [from, to] = [acknowledged[i] as number, acknowledged[i + enough - 1] as number]
      if (to - from <= WINDOW_MS) return { first: (acknowledged[begin] as number) - healing, half: from - healing }
    }
  return undefined
}

/** What the work comes to. Throws when it takes longer than that: nobody waits for what may never end. */
export const within = <T>(ms: number, late: string, work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    wait(ms, undefined, { ref: false }).then(() => {
      throw new Error(late)
    }),
  ])
