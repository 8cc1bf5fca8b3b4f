import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect } from 'vitest'
import { bundleTo } from '../support/bundle.ts'
import { redisTest } from '../support/redis.ts'
import { stampede } from './stampede.ts'
import { useRedis } from './support.ts'

const stand = useRedis()
let folder: string
beforeAll(async () => {
  folder = await bundleTo(`dist/stampede-${process.pid}`, ['test/cache/child'])
})
afterAll(() => rm(folder, { recursive: true }))

redisTest(
  'ten processes with a hundred callers each load a cold key once',
  async () => {
    const found = await stampede(`${folder}/test/cache/child.js`, stand.bridge, 10, 100, 300)
    expect(found).toMatchObject({ loads: 1, heard: ['loaded 1'] })
  },
  120_000,
)
