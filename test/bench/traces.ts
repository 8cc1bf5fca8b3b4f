import { createRequire } from 'node:module'
import { runChild } from '../support/children.ts'
import { startGoogle } from '../support/google.ts'
import { median } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'
import { look, worked } from './work.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 15)
/** A number of requests and no time: a process that was asked less has compiled less of itself, and works more for each. */
const WARM_UP = 20_000
const REQUESTS = 3_000
const CONNECTIONS = 20
const SHARE = '0.01'

const autocannon = createRequire(import.meta.url).resolve('autocannon')

/** What sending metrics every minute, and the traces of one request in a hundred, costs the process that serves. */
export const traces: Bench = {
  name: 'traces',
  about: `CPU of the process for a GET /agents/{id}, with metrics and ${SHARE} of the traces sent (OTLP) and without; ${ROUNDS} rounds of ${REQUESTS} requests each`,
  run: async ({ serve, organization, agent }) => {
    const sink = await startGoogle()
    const { GCE_METADATA_HOST = '' } = sink.environment
    const telemetry = { GCE_METADATA_HOST, OTEL_EXPORTER_OTLP_ENDPOINT: `http://${GCE_METADATA_HOST}`, OTEL_TRACES_SAMPLER_ARG: SHARE }
    try {
      const sides = {
        'nothing is sent': await serve(gateway),
        'the same again': await serve(gateway), // what this machine and two processes differ by themselves
        'metrics and traces are sent': await serve(gateway, telemetry),
      }
      const names = Object.keys(sides) as (keyof typeof sides)[]
      const { key } = await organization(sides['nothing is sent'], 'acme')
      const { path } = await agent(sides['nothing is sent'], key)
      const ask = async (name: keyof typeof sides, count: number) => {
        const { url, pid } = sides[name]
        const before = look([pid])
        const options = ['-n', '-c', String(CONNECTIONS), '-a', String(count), '-H', `authorization=Bearer ${key}`]
        await runChild([autocannon, '-j', ...options, url + path])
        return (worked(before, [pid]) / count) * 1e6
      }
      for (const name of names) await ask(name, WARM_UP)
      const rounds: Record<keyof typeof sides, number>[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const found = new Map<string, number>()
        for (const name of round % 2 === 0 ? names : names.toReversed()) found.set(name, await ask(name, REQUESTS))
        rounds.push(Object.fromEntries(found) as Record<keyof typeof sides, number>)
      }
      const middle = (name: keyof typeof sides) => median(rounds.map(round => round[name]))
      const beside = (name: keyof typeof sides) => median(rounds.map(round => round[name] / round['nothing is sent']))
      return {
        table: [
          ['', 'CPU us a request', 'beside the first'],
          ...names.map(name => [name, middle(name).toFixed(0), beside(name).toFixed(3)]),
        ],
        targets: [
          { what: 'two processes alike', value: beside('the same again') },
          { what: `sending (${sink.telemetry.length} times) / not`, value: beside('metrics and traces are sent'), most: 1.03 },
        ],
      }
    } finally {
      await sink.stop()
    }
  },
}
