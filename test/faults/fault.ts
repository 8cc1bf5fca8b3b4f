import { setTimeout as wait } from 'node:timers/promises'
import { insist } from '../support/ask.ts'
import { randomOf } from '../support/random.ts'
import { audit, makeAccount } from './account.ts'
import { callOn } from './callers.ts'
import { type Caller, makeGround } from './calls.ts'
import { type Line, makeLine } from './line.ts'
import { type Recovery, rateOver, recovered, within } from './recovery.ts'
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

/** How it went; a time without a recovery is the last one, and stands in `first` and `half` with the bound that it went beyond. */
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
/** A function that is not back after this (ms) never is. */
const LOST_AFTER_MS = 30_000

/**
 * The longest that a request may take (ms): its wait for a connection, a statement until its time-out, a second until it is given up,
 * and what a busy machine adds.
 */
export const longestOf = (timeout: number, busy: number): number => 3000 + timeout + 1000 + busy

/**
 * Inflicts a fault again and again under the writes of 20 callers, and looks afterwards whether every one that was acknowledged is there, once.
 * When all is not back `lostAfter` milliseconds after a heal, or the function is dead, that is a fault, and the end: callers give up.
 */
export const underFault = async (stand: Stand, fault: Fault, calm: number, seed: number, lostAfter = LOST_AFTER_MS): Promise<Outcome> => {
  const { id, token } = await stand.organization()
  const line = makeLine(() => stand.gateway().url, token)
  const account = makeAccount()
  await makeGround(account, asked => insist(stand.gateway().url, token, asked))
  const callers = Array.from({ length: CALLERS }, (_, i): Caller => ({ name: `c${i}`, serial: 0, own: [], random: randomOf(seed + i) }))
  const calling = Promise.all(callers.map(caller => callOn(line, account, caller)))
  const recoveries: Recovery[] = []
  const hopeless = (when: string) => (error: Error) => {
    line.wrong(`${when}: ${error.message}`)
    line.calling = 'given up'
    return undefined
  }
  for (let time = 1; time <= fault.times && line.calling === 'on'; time++) {
    const back = await once(stand, fault, line, calm, lostAfter).catch(hopeless(`time ${time}`))
    recoveries.push(back ?? { first: lostAfter, half: lostAfter })
  }
  if (line.calling === 'on') {
    line.calling = 'over'
    await within(lostAfter, `writes are not settled ${lostAfter} ms later`, calling).catch(hopeless('at the end'))
  }
  await calling
  if (line.left > 0) line.wrong(`${line.left} writes were given up: they may count as lost or doubled`)
  const { lost, doubled, wrong } = await within(LOST_AFTER_MS, 'no answer', audit(account, id, stand.sql)).catch((error: Error) => {
    return { lost: 0, doubled: 0, wrong: [`what the database holds cannot be told: ${error.message}`] }
  })
  const { acknowledged, refused, unknown, settled, longest, faults } = line
  return {
    ...{ name: fault.name, times: recoveries.length, acknowledged: acknowledged.length, refused, unknown, settled, lost, doubled, longest },
    ...{ first: recoveries.map(({ first }) => first), half: recoveries.map(({ half }) => half), faults: [...faults, ...wrong] },
  }
}

/** Inflicts a fault and heals it. Throws when all is not back then. */
const once = async (stand: Stand, fault: Fault, line: Line, calm: number, lostAfter: number): Promise<Recovery> => {
  const alive = () => stand.gateway().alive()
  const hopeUntil = (end: number) => () => alive() && performance.now() < end
  const rate = await rateOver(line.acknowledged, calm, CALLERS, hopeUntil(performance.now() + LOST_AFTER_MS))
  await fault.inflict(stand, line)
  await wait(fault.hold)
  const healing = performance.now()
  await within(lostAfter, `not healed ${lostAfter} ms later`, Promise.resolve(fault.heal(stand, line)))
  const back = await recovered(line.acknowledged, healing, rate, hopeUntil(healing + lostAfter))
  if (!alive()) throw new Error('the function has died')
  if (back === undefined) throw new Error(`not back ${lostAfter} ms later`)
  return back
}
