import { setTimeout as wait } from 'node:timers/promises'
import type { Stage } from '../../shared/migration/stage.ts'
import { audit, makeLedger, type Sql } from '../faults/ledger.ts'
import { converse, createAgent, increment, nextRead, nextWrite, TALKER, type Write, type Writer } from '../faults/writers.ts'
import { ask, insist } from '../support/ask.ts'
import { randomOf } from '../support/random.ts'

export type Walk = {
  url: string
  adminKey: string
  /** Runs SQL as whoever owns the server. */
  sql: Sql
  clients: number
  /** How many entries of each collection are written in `off`, before the walk begins. */
  entries: number
  /** How many requests a stage answers before the next step. */
  dwell: number
  seed: number
}

/** One step under load. Times in milliseconds: how long it took; the longest time in which no write (no read) of its collection was answered. */
export type Step = { collection: string; from: Stage; to: Stage; entries: number; took: number; noWrite: number; noRead: number }
/** `faults` is what should not be, in words; `patient` how many requests were answered 503 with Retry-After. */
export type Walked = { steps: Step[]; answered: number; patient: number; faults: string[] }

const collections = ['agents', 'counters', 'conversations']
const there: Stage[] = ['dualwrite', 'shadow', 'live', 'rampdown', 'complete']
const back: Stage[] = ['rampdown', 'live', 'shadow', 'dualwrite', 'off', 'dualwrite']

type Sample = { collection: string; write: boolean; end: number }

/** Walks every collection through the six stages and all the way back while clients read and write, and looks whether all is there. */
export const walkUnderLoad = async ({ url, adminKey, sql, clients, entries, dwell, seed }: Walk): Promise<Walked> => {
  const random = randomOf(seed)
  const ledger = makeLedger()
  const samples: Sample[] = []
  const walked: Walked = { steps: [], answered: 0, patient: 0, faults: [] }
  const platform = async (method: string, path: string, body?: unknown) => (await insist(url, adminKey, { method, path, body })).body
  const { organization, api_key } = await platform('POST', '/organizations', { name: 'Walking' })
  const token: string = api_key.secret

  const send = async (asked: Write | (Omit<Write, 'done'> & { done?: undefined })): Promise<void> => {
    const answer = await ask(url, token, asked)
    if (answer?.status === 503 && answer.retryAfter) {
      walked.patient++
      await wait(10)
    } else if (answer === undefined || answer.status >= 300)
      walked.faults.push(`${asked.method} ${asked.path} answered ${JSON.stringify(answer)}`)
    else {
      asked.done?.(answer.body)
      walked.answered++
      samples.push({ collection: collectionOf(asked.path), write: asked.method !== 'GET', end: performance.now() })
    }
  }
  const writers = Array.from({ length: clients }, (_, i): Writer => {
    return { name: `w${i}`, agents: [], conversations: [], counters: ['one', 'two', 'three'], serial: 0, random }
  })
  const insistOn = async (write: Write) => write.done((await insist(url, token, write)).body)

  await insistOn(createAgent(ledger, TALKER))
  const each = Math.ceil(entries / clients)
  await Promise.all(
    writers.map(async ({ name, agents, conversations, counters }) => {
      for (let i = 0; i < each; i++) {
        const own = `${name}.first.${i}`
        for (const names of [agents, conversations, counters]) names.push(own)
        await insistOn(createAgent(ledger, own))
        await insistOn(increment(ledger, own, 1))
        await insistOn(converse(ledger, own))
      }
    }),
  )

  let stopped = false
  const work = async (writer: Writer) => {
    while (!stopped) await send(random() < 0.5 ? nextRead(ledger, writer) : nextWrite(ledger, writer))
  }
  const working = Promise.all(writers.map(work))
  const dwelt = async () => {
    const enough = walked.answered + dwell
    while (walked.answered < enough && walked.faults.length === 0) await wait(5)
  }
  /** As an operator does: on the epoch that is there, again when a lapsed lease has raised it in between. */
  const takeStep = async (path: string, to: Stage): Promise<void> => {
    for (;;) {
      const { stage, epoch } = await platform('GET', path)
      if (stage === to) return
      const answer = await ask(url, adminKey, { method: 'POST', path: `${path}/stage`, body: { stage: to, expected_epoch: epoch } })
      const patient = answer && (answer.status < 300 || answer.retryAfter || /epoch/.test(answer.body.detail))
      if (!patient) throw new Error(`the step to ${to} of ${path} answered ${JSON.stringify(answer)}`)
      await wait(10)
    }
  }
  const step = async (collection: string, from: Stage, to: Stage): Promise<Step> => {
    const path = `/migration/collections/${collection}`
    let verified = { equal: true, compared: 0, differences: [] }
    if (from === 'shadow' || from === 'live') verified = await platform('POST', `${path}/verify`)
    if (!verified.equal) walked.faults.push(`${collection} differ in ${from}: ${JSON.stringify(verified.differences)}`)
    const begin = performance.now()
    await takeStep(path, to)
    const end = performance.now()
    await dwelt()
    const gap = (write: boolean) =>
      longestGap(
        samples.filter(one => one.collection === collection && one.write === write),
        begin,
        end,
      )
    return { collection, from, to, entries: verified.compared, took: end - begin, noWrite: gap(true), noRead: gap(false) }
  }

  try {
    await dwelt()
    let from: Stage = 'off'
    for (const to of [...there, ...back]) {
      for (const collection of collections) walked.steps.push(await step(collection, from, to))
      from = to
    }
  } finally {
    stopped = true
    await working
  }
  for (const collection of collections) {
    const { equal, differences } = await platform('POST', `/migration/collections/${collection}/verify`)
    if (!equal) walked.faults.push(`${collection} differ at the end: ${JSON.stringify(differences)}`)
  }
  walked.faults.push(...(await audit(ledger, organization.id, sql)))
  return walked
}

const collectionOf = (path: string): string =>
  path.startsWith('/agents/counters') ? 'counters' : path.startsWith('/agents') ? 'agents' : 'conversations'

/** The longest time between two samples that follow each other, one of which lies at or behind `begin` and the other at or before `end`. */
const longestGap = (samples: Sample[], begin: number, end: number): number =>
  samples.reduce((longest, { end: at }, i) => {
    const before = samples[i - 1]?.end ?? at
    return at >= begin && before <= end ? Math.max(longest, at - before) : longest
  }, 0)
