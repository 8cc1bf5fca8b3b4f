import { afterAll, expect, test } from 'vitest'
import { mutants } from './simulation/mutants.ts'
import { fuzz } from './simulation/run.ts'

const MOST = Number(process.env.TEST_MUTANT_SCHEDULES ?? 30_000)
const kills: string[] = []
afterAll(() => process.stdout.write(`${['schedules   seed  mutant', ...kills].join('\n')}\n`))

test.for(mutants)('the fuzzer sees: $name', { timeout: 600_000 }, async ({ name, edits, faults, place }) => {
  const { run, found } = await fuzz({ last: MOST, faults: faults ?? [], place }, edits)
  kills.push(
    `${String(run).padStart(9)} ${String(found?.seed ?? '-').padStart(6)}  ${name}: ${found?.message.split('\n')[0] ?? 'SURVIVED'}`,
  )
  expect(found, `${name} survives ${run} schedules`).toBeDefined()
  expect(found?.message, 'a violation, not a broken bundle').not.toMatch(/TypeError|ReferenceError/)
})
