import { expect, test } from 'vitest'
import { stages } from '../../shared/migration/stage.ts'
import { fuzz } from './simulation/run.ts'

const FUZZ_SCHEDULES = Number(process.env.TEST_FUZZ_SCHEDULES ?? 200_000)
const FUZZ_FIRST = Number(process.env.TEST_FUZZ_FIRST ?? 1)

/** What must have happened, and often, or the schedules prove nothing. */
const mustHappen = [
  'read answered',
  'list answered',
  'survey answered',
  'both acknowledged',
  'write acknowledged',
  'write unknown',
  'done once',
  'replayed',
  'imported',
  'verified',
  'read from memory while Postgres fails',
  'answer lost',
  'answer delayed',
  'batch delayed',
  'given up, goes on',
  'fails before its commit',
  'statement timed out',
  'crash',
  'freeze',
  'Postgres away',
  'lease taken',
]
const steps = stages.slice(1).flatMap((to, i) => [`${stages[i]} -> ${to}`, `${to} -> ${stages[i]}`])

test('no order of events loses, doubles or takes back what was answered', { timeout: 3_600_000 }, async () => {
  const { run, seconds, found, counts } = await fuzz({ first: FUZZ_FIRST, last: FUZZ_FIRST + FUZZ_SCHEDULES - 1 })
  const table = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, n]) => `${String(n).padStart(10)}  ${what}`)
  process.stdout.write(`${[`${run} schedules in ${seconds.toFixed(1)} s: ${Math.round(run / seconds)} a second`, ...table].join('\n')}\n`)
  expect(found && `seed ${found.seed}: ${found.message}\n${found.trace.join('\n')}`).toBeUndefined()
  const rare = [...mustHappen, ...steps].filter(what => (counts.get(what) ?? 0) < FUZZ_SCHEDULES / 2000)
  expect(rare, 'what hardly ever happened').toEqual([])
})
