import { type Fault, longestOf, type Outcome, underFault } from '../faults/fault.ts'
import { diskFull, kinds, noDatabaseClock } from '../faults/faults.ts'
import { onSmallDisk } from '../faults/fulldisk.ts'
import { onStand, type Stand } from '../faults/stand.ts'
import { noDisk } from '../support/disk.ts'
import { median } from '../support/load.ts'
import { noRedis } from '../support/redis.ts'
import { type Bench, outdir } from './ground.ts'
import type { Target } from './report.ts'

const SEED = 20_261_124
const CALM_MS = 500
/** As a function has it unless told otherwise. */
const TIMEOUT_MS = 5000

const many = (fault: Omit<Fault, 'times' | 'hold'>, times: number, hold: number): Fault => ({ ...fault, times, hold })

const faults: Fault[] = [
  many(kinds.killed, 20, 500),
  many(kinds.paused, 2, 10_000),
  many(kinds.reset, 20, 0),
  many(kinds.cut, 5, 2000),
  many(kinds.halfOpen, 4, 3000),
  many(kinds.mute, 2, 14_000),
  many(kinds.function, 100, 0),
  many(kinds.slow, 2, 8000),
  many(kinds.clock, 6, 500),
  ...(noRedis === undefined ? [many(kinds.redis, 10, 500), many(kinds.redisSilent, 5, 1000)] : []),
]

const inflict = async (stand: Stand, fault: Fault): Promise<Outcome> => {
  const began = performance.now()
  const found = await underFault(stand, fault, CALM_MS, SEED)
  console.log(`  ${fault.name}: ${Math.round((performance.now() - began) / 1000)} s; the longest request: ${found.longest.what}`)
  return found
}

const whole = (ms: number): string => String(Math.round(ms))
const spread = (times: number[]): string => `${whole(median(times))} / ${whole(Math.max(...times))}`

const columns = ['fault', 'times', 'acknowledged', 'lost', 'doubled', 'wrong', 'refused', 'unknown', 'found made', 'longest ms']
const row = (of: Outcome): string[] => [
  ...[of.name, of.times, of.acknowledged, of.lost, of.doubled, of.faults.length, of.refused, of.unknown, of.settled].map(String),
  ...[whole(of.longest.ms), spread(of.first), spread(of.half)],
]

export const faultsUnderLoad: Bench = {
  name: 'faults',
  about: `faults under the writes and reads of 20 callers, each write asked for until it is known to be made; recovery in ms from the heal, p50 / worst; time-out ${TIMEOUT_MS} ms, seed ${SEED}`,
  run: async () => {
    const found: Outcome[] = []
    // a stand each: what one fault broke for good is not there for the next one
    for (const fault of faults) found.push(await onStand({ outdir, timeout: TIMEOUT_MS, flags: [] }, on => inflict(on, fault)))
    for (const part of noDisk === undefined ? (['data', 'log'] as const) : [])
      found.push(await onSmallDisk(part, { outdir, timeout: TIMEOUT_MS }, (on, disk) => inflict(on, many(diskFull(part, disk), 3, 2000))))
    const left = { 'Redis killed or silent': noRedis, 'disk full': noDisk, "the database's clock moved": noDatabaseClock }
    for (const [name, lack] of Object.entries(left)) if (lack) console.log(`  ${name}: left out, for ${lack}`)
    for (const { name, faults: wrong } of found) for (const words of wrong.slice(0, 5)) console.log(`  ${name}: ${words}`)
    const sum = (of: (outcome: Outcome) => number) => found.reduce((total, outcome) => total + of(outcome), 0)
    const targets: Target[] = [
      { what: 'acknowledged writes lost', value: sum(({ lost }) => lost), most: 0 },
      { what: 'writes done twice, or without a word', value: sum(({ doubled }) => doubled), most: 0 },
      {
        what: 'answers that are wrong, processes that died, faults without a recovery',
        value: sum(({ faults: wrong }) => wrong.length),
        most: 0,
      },
      { what: 'longest request, ms', value: Math.max(...found.map(({ longest }) => longest.ms)), most: longestOf(TIMEOUT_MS, 1000) },
    ]
    return { table: [[...columns, 'first write', 'half the rate'], ...found.map(row)], targets }
  },
}
