import { createRequire } from 'node:module'
import type { Result } from 'autocannon'
import { runChild } from './children.ts'

const autocannon = createRequire(import.meta.url).resolve('autocannon')

/** What is asked for over and over; `[<id>]` in a header or the body is another id each time (no value may end with `]`). */
export type Target = { url: string; method?: string; headers?: Record<string, string>; body?: string }

/** Requests a second, and latencies in milliseconds. */
export type Load = { rate: number; p50: number; p99: number }

const CONNECTIONS = 50

/** Puts load on a target for so many seconds and over so many connections, from a process of its own. Throws when one answer was no 2xx. */
export const load = async (
  { url, method = 'GET', headers = {}, body }: Target,
  seconds: number,
  connections = CONNECTIONS,
): Promise<Load> => {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`])
  const sent = [...given, ...(body === undefined ? [] : ['-I', '-b', body]), '-m', method]
  const printed = await runChild([autocannon, '-j', '-n', '-c', String(connections), '-d', String(seconds), ...sent, url])
  const { errors, timeouts, non2xx, requests, latency } = JSON.parse(printed) as Result
  if (errors + timeouts + non2xx > 0) throw new Error(`${url}: ${errors} errors, ${timeouts} time-outs, ${non2xx} answers that are no 2xx`)
  return { rate: requests.average, p50: latency.p50, p99: latency.p99 }
}

export const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[half] as number) : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
}

export type Compared = { first: Load; second: Load; ratio: number }

const WARM_UP_SECONDS = 4
const SECONDS = 8
const ROUNDS = 3

/** Loads two targets in turn, so that what else the machine does meets both: the medians of the rounds, and second / first. */
export const compare = async (first: Target, second: Target): Promise<Compared> => {
  for (const target of [first, second]) await load(target, WARM_UP_SECONDS)
  const rounds: [Load, Load][] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push([await load(first, SECONDS), await load(second, SECONDS)])
  const middle = (side: 0 | 1): Load => {
    const of = (part: keyof Load) => median(rounds.map(round => round[side][part]))
    return { rate: of('rate'), p50: of('p50'), p99: of('p99') }
  }
  return { first: middle(0), second: middle(1), ratio: median(rounds.map(([one, other]) => other.rate / one.rate)) }
}
