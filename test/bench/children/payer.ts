/** Pays through URL with KEY as CLIENTS callers for SECONDS: create, confirm, capture, each under a key. Prints the payments a second. */
import { ask } from '../../support/ask.ts'

const { URL: url = '', KEY: key = '', CLIENTS = '50', SECONDS = '5', MARK = '' } = process.env
const until = performance.now() + Number(SECONDS) * 1000
const times: number[] = []

const step = async (path: string, body: object, name: string): Promise<void> => {
  const answer = await ask(url, key, { method: 'POST', path: `/payments/intents${path}`, body, key: name })
  if (!answer || answer.status > 201) throw new Error(`${path} answered ${JSON.stringify(answer)}`)
}

const client = async (_: unknown, n: number): Promise<void> => {
  for (let i = 0; performance.now() < until; i++) {
    const id = `pay-${MARK}-${n}-${i}`
    const start = performance.now()
    await step('', { id, amount: 1999, currency: 'usd', capture_method: 'manual' }, `${id}-1`)
    await step(`/${id}/confirm`, {}, `${id}-2`)
    await step(`/${id}/capture`, {}, `${id}-3`)
    times.push(performance.now() - start)
  }
}

await Promise.all(Array.from({ length: Number(CLIENTS) }, client))
times.sort((a, b) => a - b)
const at = (share: number) => Math.round(times[Math.floor(times.length * share)] ?? 0)
console.log(JSON.stringify({ rate: times.length / Number(SECONDS), p50: at(0.5), p99: at(0.99) }))
process.exit(0)
