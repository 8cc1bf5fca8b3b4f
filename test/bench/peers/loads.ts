import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from '../../support/children.ts'
import type { Load } from '../../support/load.ts'
import { outdir } from '../ground.ts'
import { send } from './check.ts'
import type { Ask, Asks } from './peer.ts'

const CONNECTIONS = 50
const CALLERS = 4
/** Bytes that the head of an answer takes at the least. */
const LEAST_HEAD = 100

/** Answers that came, beside what a Load tells. */
export type Counted = Load & { answers: number }

/** autocannon over 50 connections, each of which sends these in turn. Throws when one answer was no 2xx, or they were shorter than they should be. */
export const load = async (url: string, asks: Ask[], seconds: number): Promise<Counted> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-load-'))
  const file = join(folder, 'load.json')
  try {
    const length = (await send(url, withId(asks[0] as Ask))).length
    const idReplacement = asks.some(({ body }) => body?.includes(ID))
    writeFileSync(file, JSON.stringify({ url, connections: CONNECTIONS, duration: seconds, idReplacement, requests: asks }))
    const printed = await runChild([`${outdir}/test/bench/children/loader.js`], { LOAD: file })
    const { failed, bytes, ...found } = JSON.parse(printed) as Counted & { failed: number; bytes: number }
    if (failed > 0) throw new Error(`${url}${asks[0]?.path}: ${failed} of ${found.answers} requests failed`)
    if (bytes / found.answers < length * 0.95 + LEAST_HEAD)
      throw new Error(`${url}${asks[0]?.path}: answers of ${bytes / found.answers} bytes, not ${length}`)
    return found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const ID = '[<id>]'
let given = 0
const withId = (ask: Ask): Ask => (ask.body === undefined ? ask : { ...ask, body: ask.body.replace(ID, `${process.pid} ${++given}`) })

/** Four callers, each of which waits for its answer: `rate` is in requests too. What is under way when the time is over is waited for. */
export const loadInBulk = async (url: string, asks: Asks, seconds: number): Promise<Counted> => {
  const times: number[] = []
  const caller = async (): Promise<number> => {
    const start = performance.now()
    let done = 0
    do {
      const ask = asks.bulk(++given)
      const sent = performance.now()
      await send(url, ask)
      times.push(performance.now() - sent)
      done++
    } while (performance.now() - start < seconds * 1000)
    return (done * 1000) / (performance.now() - start)
  }
  const rates = await Promise.all(Array.from({ length: CALLERS }, caller))
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)] as number)
  return { rate: rates.reduce((sum, rate) => sum + rate), p50: at(0.5), p99: at(0.99), answers: times.length }
}
