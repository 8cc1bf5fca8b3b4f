import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleTo } from '../support/bundle.ts'
import { noDisk } from '../support/disk.ts'
import { noRedis } from '../support/redis.ts'
import { type Fault, longestOf, underFault } from './fault.ts'
import { diskFull, kinds, noDatabaseClock } from './faults.ts'
import { onSmallDisk } from './fulldisk.ts'
import { makeStand, SCRIPTS, type Stand } from './stand.ts'

const TIMEOUT_MS = 1000
const CALM_MS = 400
/** What the other worker of the tests may take from it. */
const BUSY_MS = 4000
const seed = Number(process.env.TEST_SEED ?? 20261124)

let outdir: string
let stand: Stand
beforeAll(async () => {
  outdir = await bundleTo(`dist/faults-${process.pid}`, SCRIPTS)
  stand = await makeStand({ outdir, timeout: TIMEOUT_MS })
})
afterAll(async () => {
  await stand.stop()
  await rm(outdir, { recursive: true })
})

const keeps = async (on: Stand, fault: Fault) => {
  const found = await underFault(on, fault, CALM_MS, seed)
  expect(found).toMatchObject({ lost: 0, doubled: 0, faults: [] })
  expect(found.acknowledged).toBeGreaterThan(20)
  expect(found.longest.ms, found.longest.what).toBeLessThan(longestOf(TIMEOUT_MS, BUSY_MS))
  return found
}

/** How often, and how long (ms). */
const short: [keyof typeof kinds, number, number][] = [
  ['killed', 1, 200],
  ['paused', 1, 2500],
  ['reset', 2, 0],
  ['cut', 1, 500],
  ['halfOpen', 1, 500],
  ['mute', 1, 2500],
  ['function', 1, 0],
  ['slow', 1, 1500],
  ['clock', 3, 200],
]
const shortOfRedis: typeof short = [
  ['redis', 1, 300],
  ['redisSilent', 1, 300],
]

const because = (lack: string | undefined): string => (lack ? ` (skipped: ${lack})` : '')
const keepsAll = 'under load: nothing acknowledged is lost or doubled, no request hangs, and writes come back'
const underLoad = async (name: keyof typeof kinds, times: number, hold: number) =>
  void (await keeps(stand, { ...kinds[name], times, hold }))

test.each(short)(`%s ${keepsAll}`, underLoad)

test.skipIf(noRedis).each(shortOfRedis)(`%s ${keepsAll}${because(noRedis)}`, underLoad)

test.skipIf(noDisk)(`a full disk refuses writes, and keeps all that were acknowledged${because(noDisk)}`, async () => {
  const found = await onSmallDisk('data', { outdir, timeout: TIMEOUT_MS }, (on, disk) =>
    keeps(on, { ...diskFull('data', disk), times: 1, hold: 1000 }),
  )
  expect(found.refused).toBeGreaterThan(0)
})

test.skipIf(noDatabaseClock)(`the database's clock moved ${keepsAll}${because(noDatabaseClock)}`, () => {
  throw new Error('nobody has written how it is moved')
})

const unhealed: [string, Fault['inflict'], string][] = [
  ['a database that stays silent', ({ proxy }) => proxy.become('silent'), 'time 1: not back 1000 ms later'],
  ['a function that stays dead', stand => stand.gateway().kill(), 'time 1: the function has died'],
]

test.each(unhealed)('%s is reported, and nobody waits for it', async (name, inflict, words) => {
  const found = await underFault(stand, { name, times: 3, hold: 300, inflict, heal: () => {} }, CALM_MS, seed, 1000)
  stand.proxy.become('open')
  await stand.restart()
  expect(found).toMatchObject({ times: 1, first: [1000], half: [1000] })
  expect(found.faults[0]).toBe(words)
})
