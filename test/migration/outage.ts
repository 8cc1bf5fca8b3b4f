import { setTimeout as wait } from 'node:timers/promises'
import { asksForPatience, isOfDoubt } from '../faults/callers.ts'
import type { Line } from '../faults/line.ts'
import { within } from '../faults/recovery.ts'
import type { Answer, Asked } from '../support/ask.ts'

/** What is known of a counter that one client alone adds to: how often that was acknowledged, and how often more it may have been made. */
export type Sum = { name: string; made: number; open: number }

/** The database as the clients meet it: the number of the outage that is on, 0 between them, and the reads that were answered in one. */
export type Weather = { outage: number; answered: number }

export type Client = { line: Line; weather: Weather; sum: Sum }

export type Outage = { begin(): unknown; end(): unknown; lasts: number }

/** How long (ms) after the end of an outage all must be back, and after how many additions a client is. */
const BACK_MS = 15_000
const BACK = 4

const isBetween = (value: number, least: number, { made, open }: Sum): boolean => value >= least && value <= made + open

/** Asks, and tells whether one and the same outage was on from before the question until after the answer. */
const askIn = async ({ line, weather }: Client, asked: Asked): Promise<{ answer: Answer | undefined; down: boolean }> => {
  const { outage } = weather
  const answer = await line.ask(asked)
  return { answer, down: outage !== 0 && outage === weather.outage }
}

const acknowledged = ({ line, sum }: Client, { body, replayed }: Answer, inDoubt: boolean, down: boolean): void => {
  const before = sum.made++
  if (down) line.wrong(`an addition to ${sum.name} was acknowledged while the database was away`)
  if (replayed && !inDoubt) line.wrong(`an addition to ${sum.name} was made, though it was said not to be`)
  if (!isBetween(body.value, before + 1, { ...sum, open: sum.open - 1 }))
    line.wrong(`${sum.name} became ${body.value} with ${JSON.stringify(sum)}`)
  sum.open--
  line.acknowledge(() => {})
}

/** Adds one: with a key again until it is known to be made, else once. */
const add = async (client: Client, key: string | undefined): Promise<void> => {
  const { line, sum } = client
  const asked = { method: 'POST', path: `/agents/counters/${sum.name}/increment`, body: {}, ...(key && { key }) }
  let inDoubt = false
  do {
    if (!inDoubt) sum.open++
    const { answer, down } = await askIn(client, asked)
    if (answer && answer.status < 300) return acknowledged(client, answer, inDoubt, down)
    if (answer && !asksForPatience(answer)) line.wrong(`${asked.path}: ${JSON.stringify(answer)}`)
    inDoubt ||= answer === undefined || isOfDoubt(answer)
    if (!inDoubt) sum.open--
    inDoubt ? line.unknown++ : line.refused++
    await wait(30)
  } while (key !== undefined && line.calling === 'on')
}

const addOn = async (client: Client): Promise<void> => {
  const { line, sum } = client
  for (let serial = 0; line.calling === 'on'; serial++) await add(client, serial % 2 === 0 ? undefined : `${sum.name}.${serial}`)
}

/** Reads its counter until it is over. */
export const lookOn = async (client: Client): Promise<void> => {
  const { line, weather, sum } = client
  for (; line.calling === 'on'; await wait(30)) {
    const least = sum.made
    const { answer, down } = await askIn(client, { method: 'GET', path: `/agents/counters/${sum.name}` })
    const said = answer?.status === 404 ? 0 : answer?.status === 200 ? Number(answer.body.value) : undefined
    if (said !== undefined && !isBetween(said, least, sum)) line.wrong(`${sum.name} was read as ${said} with ${JSON.stringify(sum)}`)
    if (said === undefined && answer?.status !== 503) line.wrong(`reading ${sum.name}: ${JSON.stringify(answer)}`)
    if (said !== undefined && down) weather.answered++
  }
}

/** Adds, and reads beside it, again and again until it is over; every second addition carries an Idempotency-Key. */
export const callOn = async (client: Client): Promise<void> => void (await Promise.all([addOn(client), lookOn(client)]))

/** Resolves when each client has had some more additions acknowledged, with the milliseconds that it took. */
const allBack = async (clients: readonly Client[]): Promise<number> => {
  const began = performance.now()
  const before = clients.map(({ sum }) => sum.made)
  const all = async () => {
    while (clients.some(({ sum }, i) => sum.made < (before[i] as number) + BACK)) await wait(20)
  }
  await within(BACK_MS, `not back ${BACK_MS} ms later`, all())
  return performance.now() - began
}

/** One outage under the clients: resolves to the milliseconds from its end until each of them writes again. */
export const outlast = async (clients: readonly Client[], weather: Weather, number: number, outage: Outage): Promise<number> => {
  await allBack(clients)
  await outage.begin()
  weather.outage = number
  await wait(outage.lasts)
  weather.outage = 0
  await outage.end()
  return allBack(clients)
}

/** What the database holds is what was acknowledged, and nothing that was refused. */
export const differences = (clients: readonly Client[], stored: ReadonlyMap<string, number>): string[] =>
  clients.flatMap(({ sum }) => {
    const value = stored.get(sum.name)
    return value !== undefined && isBetween(value, sum.made, sum) ? [] : [`${sum.name} is ${value} with ${JSON.stringify(sum)}`]
  })
