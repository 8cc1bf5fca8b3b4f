/** autocannon with what LOAD (a JSON file of its options) says. Prints requests a second, latencies in ms, answers, failures, and bytes that came. */
import { readFileSync } from 'node:fs'
import autocannon, { type Options } from 'autocannon'

const options: Options = JSON.parse(readFileSync(process.env.LOAD ?? '', 'utf8'))
const { errors, timeouts, non2xx, requests, latency, throughput, duration } = await autocannon(options)
const rate = requests.total / duration
console.log(
  JSON.stringify({
    rate,
    p50: latency.p50,
    p99: latency.p99,
    answers: requests.total,
    failed: errors + timeouts + non2xx,
    bytes: throughput.total,
  }),
)
