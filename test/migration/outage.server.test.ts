import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'vitest'
import { type Stage, stages } from '../../shared/migration/stage.ts'
import { longestOf } from '../faults/fault.ts'
import { makeLine } from '../faults/line.ts'
import { runBehindProxy } from '../support/behind.ts'
import { type Client, callOn, differences, lookOn, type Outage, outlast, type Weather } from './outage.ts'

/** How long the database is away, longer than the leases last, and a statement's time-out: as deployed, or short. */
const whole = process.env.TEST_BENCH === '1'
const OUTAGE_MS = whole ? 60_000 : 2500
const LEASE_S = whole ? 30 : 1
const TIMEOUT_MS = whole ? 5000 : 1000
/** What five other stages, and the other worker of the tests, may take from one. */
const BUSY_MS = 2000
const CLIENTS = 4
/** How long the database does what it is asked before it is gone altogether, and is not heard. */
const ANSWERS_LOST_MS = 100

type App = Awaited<ReturnType<typeof runBehindProxy>>

const outagesOf = ({ proxy }: App): Outage[] => [
  { lasts: OUTAGE_MS, begin: () => proxy.close(), end: () => proxy.reopen() },
  {
    lasts: OUTAGE_MS,
    begin: async () => {
      proxy.become('deaf')
      await wait(ANSWERS_LOST_MS)
      proxy.abandon()
      proxy.become('silent')
    },
    end: () => proxy.become('open'),
  },
]

/** Where there is a memory it is compared, whole; what `off` has goes to the database for that. */
const compared = async ({ shared }: App, stage: Stage) => {
  const counters = shared.collections.get('counters') as NonNullable<ReturnType<typeof shared.collections.get>>
  if (stage === 'rampdown' || stage === 'complete') return { equal: true }
  if (stage === 'off') await counters.keeper.change('dualwrite', (await counters.keeper.enter()).row.epoch)
  return counters.verify()
}

/** What became of some clients' additions under both outages, and what is wrong with it. */
const underOutages = async (app: App, stage: Stage) => {
  const { key, call } = await app.organization()
  const line = makeLine(() => app.url, key)
  const weather: Weather = { outage: 0, answered: 0 }
  const clientOf = (name: string): Client => ({ line, weather, sum: { name, made: 0, open: 0 } })
  const clients = Array.from({ length: CLIENTS }, (_, i) => clientOf(`c${i}`))
  const idle = clientOf('idle')
  idle.sum.made = (await call('POST', '/agents/counters/idle/increment')).body.value
  const calling = Promise.all([...clients.map(callOn), lookOn(idle)])
  const back = []
  for (const [i, outage] of outagesOf(app).entries()) back.push(await outlast(clients, weather, i + 1, outage))
  line.calling = 'over'
  await calling
  const verified = await compared(app, stage)
  const rows = await app.database.sql<{ id: string; value: string }>('select id, value from counters')
  const lost = differences([...clients, idle], new Map(rows.map(({ id, value }) => [id, Number(value)])))
  return { line, verified, faults: [...line.faults, ...lost], answered: weather.answered, back }
}

test.concurrent.for(stages)(
  'in %s an outage that outlasts the leases acknowledges nothing, delays nobody beyond the bound, and passes',
  async (stage, { expect }) => {
    const app = await runBehindProxy({
      MIGRATION_INITIAL_STAGE: stage,
      MIGRATION_STAGE_CACHE_SECONDS: String(LEASE_S),
      DB_STATEMENT_TIMEOUT_MS: String(TIMEOUT_MS),
      LOG_LEVEL: 'silent',
    })
    try {
      const { line, verified, faults, answered, back } = await underOutages(app, stage)
      if (whole)
        process.stdout.write(
          `${stage}: back after ${back.map(Math.round).join(' and ')} ms; the longest: ${JSON.stringify(line.longest)}\n`,
        )
      expect(faults).toEqual([])
      expect(verified).toMatchObject({ equal: true })
      expect(line.refused).toBeGreaterThan(0)
      if (stage !== 'live') expect(answered).toBe(0)
      expect(line.longest.ms, line.longest.what).toBeLessThan(longestOf(TIMEOUT_MS, BUSY_MS))
    } finally {
      await app.stop()
    }
  },
)
