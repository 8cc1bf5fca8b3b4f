import { setTimeout as wait } from 'node:timers/promises'
import { randomOf } from '../support/random.ts'
import { audit, makeAccount } from './account.ts'
import { type Caller, callOn } from './callers.ts'
import { type Line, makeLine } from './line.ts'
import type { Stand } from './stand.ts'

/** What goes wrong, and how it ends. */
export type Fault = {
  name: string
  /** How often, and how long each time before it is healed (ms). */
  times: number
  hold: number
  inflict(stand: Stand, line: Line): unknown
  heal(stand: Stand, line: Line): unknown
}

/** How it went. Recovery is from the beginning of the heal, each time: until a write was acknowledged, until half of the rate before was back (ms). */
export type Outcome = {
  name: string
  times: number
  acknowledged: number
  refused: number
  unknown: number
  settled: number
  lost: number
  doubled: number
  longest: { ms: number; what: string }
  first: number[]
  half: number[]
  /** What should not be, in words. */
  faults: string[]
}

const CALLERS = 20
/** The rate is looked at in windows of so many milliseconds; a function that is not back after the other bound never is. */
const WINDOW_MS = 200
const LOST_AFTER_MS = 30_000

/**
 * The longest that a request may take (ms): its wait for a connection, a statement until its time-out, a second until it is given up,
 * and what a busy machine adds.
 */
export const longestOf = (timeout: number, busy: number): number => 3000 + timeout + 1000 + busy

/** Inflicts a fault again and again under the writes of 20 callers, and looks afterwards whether every one that was acknowledged is there, once. */
export const underFault = async (
  stand: Stand,
  { name, times, hold, inflict, heal }: Fault,
  calm: number,
  seed: number,
): Promise<Outcome> => {
  const { id, token } = await stand.organization()
  const line = makeLine(() => stand.gateway().url, token)
  const account = makeAccount()
  let over = false
  const callers = Array.from({ length: CALLERS }, (_, i): Caller => ({ name: `c${i}`, serial: 0, own: [], random: randomOf(seed + i) }))
  const calling = Promise.all(callers.map(caller => callOn(line, account, caller, () => over)))
  const first: number[] = []
  const half: number[] = []
  for (let time = 0; time < times; time++) {
    const rate = await rateOver(line, calm)
    await inflict(stand, line)
    await wait(hold)
    const healing = performance.now()
    await heal(stand, line)
    const back = await recovered(line, healing, rate)
    if (back === undefined) line.wrong(`time ${time + 1}: not back ${LOST_AFTER_MS} ms later`)
    first.push(back?.first ?? LOST_AFTER_MS)
    half.push(back?.half ?? LOST_AFTER_MS)
  }
  over = true
  await calling
  if (!stand.gateway().alive()) line.wrong('the function has died')
  const { lost, doubled, wrong } = await audit(account, id, stand.sql)
  const { acknowledged, refused, unknown, settled, longest, faults } = line
  return {
    ...{ name, times, acknowledged: acknowledged.length, refused, unknown, settled, lost, doubled, longest },
    ...{ first, half, faults: [...faults, ...wrong] },
  }
}

/** Acknowledged writes a millisecond, over so many. */
const rateOver = async ({ acknowledged }: Line, ms: number): Promise<number> => {
  const before = acknowledged.length
  await wait(ms)
  return (acknowledged.length - before) / ms
}

const recovered = async ({ acknowledged }: Line, healing: number, rate: number): Promise<{ first: number; half: number } | undefined> => {
  const begin = acknowledged.findLastIndex(at => at < healing) + 1
  const enough = Math.max(1, Math.ceil((rate / 2) * WINDOW_MS))
  while (performance.now() < healing + LOST_AFTER_MS) {
    for (let i = begin; i + enough <= acknowledged.length; i++) {
      const [from, to] = [acknowledged[i] as number, acknowledged[i + enough - 1] as number]
      if (to - from <= WINDOW_MS) return { first: (acknowledged[begin] as number) - healing, half: from - healing }
    }
    await wait(20)
  }
  return undefined
}
