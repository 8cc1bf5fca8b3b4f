import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { targets } from '../../functions/main.ts'
import { type Running, run } from '../support/http.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const names = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name]) => name ?? '')

let jobs: Running
beforeAll(async () => {
  jobs = await run({}, 'jobs')
})
afterAll(() => jobs.stop())

test('the functions that are deployed are those of the program', () => {
  const deployed = names(read('terraform/domains.tf'), /^ {4}(\w+) +=? *\{/gm)
  expect(deployed.sort()).toEqual([...targets].sort())
})

test('every job has its time, and no other is asked for', () => {
  const scheduled = names(read('terraform/domains.tf'), /^ +([\w-]+) += \{ cron = /gm)
  const routes = jobs.functions.flatMap(({ routes }) => routes.filter(({ method }) => method === 'post').map(({ path }) => path.slice(1)))
  expect(scheduled.sort()).toEqual(routes.sort())
})

test('what a function is told by its environment is what the program reads', () => {
  const config = read('shared/environment.ts')
  const told = new Set(
    ['functions', 'secrets', 'variables'].flatMap(file => names(read(`terraform/${file}.tf`), /\b((?:[A-Z]+_)+[A-Z]+)\b/g)),
  )
  const others = ['ALLOW_ALL', 'ALLOW_INTERNAL_AND_GCLB', 'VPC_EGRESS_PRIVATE_RANGES_ONLY', 'FUNCTION_TARGET']
  const unread = [...told].filter(name => !others.includes(name) && !new RegExp(`\\b${name}: `).test(config))
  expect(unread).toEqual([])
})
