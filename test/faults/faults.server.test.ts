import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleTo } from '../support/bundle.ts'
import { makeDisk, noDisk } from '../support/disk.ts'
import { noRedis } from '../support/redis.ts'
import { type Fault, longestOf, underFault } from './fault.ts'
import { diskFull, kinds } from './faults.ts'
import { makeStand, SCRIPTS, type Stand } from './stand.ts'

const TIMEOUT_MS = 1000
const CALM_MS = 400
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
  expect(found.longest.ms, found.longest.what).toBeLessThan(longestOf(TIMEOUT_MS))
  return found
}

/** How often, and how long (ms). */
const short: [keyof typeof kinds, number, number][] = [
  ['killed', 2, 200],
  ['paused', 1, 2500],
  ['reset', 2, 0],
  ['cut', 1, 500],
  ['halfOpen', 1, 500],
  ['mute', 1, 3000],
  ['function', 1, 0],
  ['slow', 1, 2000],
  ['clock', 3, 200],
  ...(noRedis === undefined ? [['redis', 1, 300] as const, ['redisSilent', 1, 300] as const] : []),
].map(([name, times, hold]) => [name, times, hold] as [keyof typeof kinds, number, number])

test.each(short)(
  '%s under load: nothing acknowledged is lost or doubled, no request hangs, and writes come back',
  async (name, times, hold) => {
    await keeps(stand, { ...kinds[name], times, hold })
  },
)

test.skipIf(noDisk)(
  `a full disk refuses writes, and keeps all that were acknowledged${noDisk ? ` (skipped: ${noDisk})` : ''}`,
  async () => {
    const disk = makeDisk(256)
    const full = await makeStand({ outdir, timeout: TIMEOUT_MS, folder: disk.folder })
    try {
      const found = await keeps(full, { ...diskFull('data', disk), times: 1, hold: 1500 })
      expect(found.refused).toBeGreaterThan(0)
    } finally {
      await full.stop()
      disk.remove()
    }
  },
)
