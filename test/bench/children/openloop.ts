/**
 * Load at a constant arrival rate: a request is due at its time whether or not those before it were answered, waits for a free
 * connection where there is none, and its latency counts from when it was due. (autocannon's -R holds each connection's next request
 * back until the last is answered, and its correction takes an interval of 1 ms whatever the rate.)
 * URL, TOKEN, CLIENTS and PHASES (JSON) come by environment; what it found (Phased, one for each phase) is printed as JSON.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { bytesOf, MIX } from '../../support/mix.ts'
import { type Seen, type WireClient, wireClient } from '../../support/wire.client.ts'

/** So many seconds at so many requests a second; `rate` 0: as many as `clients` get done one after another. */
export type Phase = { rate: number; seconds: number; clients?: number }

/** Of the requests that were due in a phase; times in milliseconds from when each was due, `lost` those without an answer. */
export type Phased = {
  rate: number
  statuses: Record<string, number>
  lost: number
  /** 503 without Retry-After. */
  bare: number
  p50: number
  p99: number
  most: number
  /** The 99th percentile and the refusals of each second of it. */
  seconds: { p99: number; refused: number }[]
}

const { URL: url = '', TOKEN: token = '', CLIENTS = '', PHASES = '[]' } = process.env
const { hostname, port } = new URL(url)
const idle: WireClient[] = await Promise.all(Array.from({ length: Number(CLIENTS) }, () => wireClient(hostname, Number(port))))
/** Begins where no run before this one came to, as idempotency keys are made of it. */
let serial = (Date.now() % 1e7) * 100

type Note = { at: number; took: number; seen: Seen }

const percentile = (sorted: readonly number[], share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
const accepted = (notes: readonly Note[]): number[] =>
  notes
    .filter(({ seen }) => seen !== undefined && seen.status < 300)
    .map(({ took }) => took)
    .sort((a, b) => a - b)

const summed = (notes: readonly Note[], seconds: number): Phased => {
  const statuses: Record<string, number> = {}
  for (const { seen } of notes) if (seen) statuses[seen.status] = (statuses[seen.status] ?? 0) + 1
  const times = accepted(notes)
  const bySecond = Array.from({ length: seconds }, (_, second) => notes.filter(({ at }) => Math.floor(at / 1000) === second))
  return {
    rate: times.length / seconds,
    statuses,
    lost: notes.filter(({ seen }) => seen === undefined).length,
    bare: notes.filter(({ seen }) => seen?.status === 503 && !seen.retryAfter).length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    most: times.at(-1) ?? 0,
    seconds: bySecond.map(those => ({
      p99: percentile(accepted(those), 0.99),
      refused: those.filter(({ seen }) => seen?.status !== undefined && seen.status >= 300).length,
    })),
  }
}

type Due = { at: number; begin: number; notes: Note[]; then(): void }
const queue: Due[] = []

/** A request without an answer so long after it was due (ms) is lost, asked or not: no phase waits for what never comes. */
const DEADLINE_MS = 30_000

/** Asks what is due, first come first served, as long as connections are free. */
const pump = (): void => {
  while (idle.length > 0 && queue.length > 0) {
    const { at, begin, notes, then } = queue.shift() as Due
    const note = (seen: Seen) => {
      notes.push({ at, took: performance.now() - begin - at, seen })
      then()
    }
    const patience = begin + at + DEADLINE_MS - performance.now()
    if (patience <= 0) {
      note(undefined)
      continue
    }
    const client = idle.shift() as WireClient
    client.ask(bytesOf(MIX, token, serial++), patience, seen => {
      idle.push(client)
      note(seen)
      pump()
    })
  }
}

/** `over` when all was due, `answered` when all was answered: the next phase begins in between. */
type Running = { over: Promise<void>; answered: Promise<Note[]> }

const open = ({ rate, seconds }: Phase): Running => {
  const notes: Note[] = []
  const all = Math.round(rate * seconds)
  const begin = performance.now()
  let resolve: (notes: Note[]) => void
  const answered = new Promise<Note[]>(settle => {
    resolve = settle
  })
  const then = () => {
    if (notes.length === all) resolve(notes)
  }
  const over = (async () => {
    for (let due = 0; due < all; await wait(1)) {
      const now = Math.min(all, Math.ceil(((performance.now() - begin) * rate) / 1000))
      for (; due < now; due++) queue.push({ at: (due * 1000) / rate, begin, notes, then })
      pump()
    }
  })()
  return { over, answered }
}

const closed = ({ seconds, clients = 64 }: Phase): Running => {
  const notes: Note[] = []
  const begin = performance.now()
  const client = async () => {
    for (let at = 0; at < seconds * 1000; at = performance.now() - begin)
      await new Promise<void>(then => {
        queue.push({ at, begin, notes, then })
        pump()
      })
  }
  const answered = Promise.all(Array.from({ length: clients }, client)).then(() => notes)
  return { over: answered.then(() => {}), answered }
}

const running: [Phase, Promise<Note[]>][] = []
for (const phase of JSON.parse(PHASES) as Phase[]) {
  const { over, answered } = (phase.rate === 0 ? closed : open)(phase)
  running.push([phase, answered])
  await over
}
const noted = await Promise.all(running.map(async ([{ seconds }, answered]) => ({ seconds, notes: await answered })))
console.log(JSON.stringify(noted.map(({ seconds, notes }) => summed(notes, seconds))))
process.exit(0)
