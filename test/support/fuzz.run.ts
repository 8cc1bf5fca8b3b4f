import type { Made } from './examples.ts'
import { makeComplaints } from './fuzz.complaints.ts'
import { functionOf, requestOf } from './fuzz.requests.ts'
import { type Chances, chances } from './fuzz.ts'
import type { Operation } from './operations.ts'
import type { Got, Sent } from './raw.ts'

export type Fuzzed = {
  /** How often each status was answered: all of them are what was sent. */
  statuses: Map<number, number>
  /** What was answered wrongly, in words. */
  wrong: string[]
  /** Of the operations, those that some request succeeded at. */
  met: Set<string>
}

export type FuzzOptions = {
  operations: Operation[]
  send(sent: Sent): Promise<Got>
  admin: string
  /** Keys of a new organization, one of each role. */
  keys(): Promise<string[]>
  /** What another organization has: its ids are asked for, and `mark`, which stands in all of it, must not be answered. */
  theirs: Made
  mark: string
  count: number
  seed: number
  atOnce: number
}

const idsIn = (text: string): string[] => [...text.matchAll(/"id":("(?:[^"\\]|\\.)*")/g)].map(([, id]) => JSON.parse(id as string))

/** Sends `count` odd requests of every operation, by every role, and collects the answers that are not as they should be. */
export const fuzz = async (options: FuzzOptions): Promise<Fuzzed> => {
  const { operations, send, admin, theirs, mark, count, seed, atOnce } = options
  const complaint = makeComplaints(operations, [mark], atOnce > 1)
  const known = new Map<string, string[]>()
  const foreign = Object.values(theirs).filter(id => !id.includes(mark))
  const [statuses, met, wrong] = [new Map<number, number>(), new Set<string>(), [] as string[]]
  let keys = await options.keys()
  let next = 0

  const one = async (n: number, chance: Chances) => {
    let operation = chance.pick(operations)
    // a login costs a third of a second by design
    while (operation.name === 'post /organizations/sessions' && !chance.maybe(0.1)) operation = chance.pick(operations)
    const name = functionOf(operation.path)
    if (chance.maybe(0.05)) known.set(name, [...(known.get(name) ?? []), chance.pick(foreign)].slice(-20))
    const platform = operation.role === 'platform' ? chance.maybe(0.7) : chance.maybe(0.02)
    const sent = requestOf(operation, chance, platform ? admin : chance.pick(keys))
    const got = await send(sent)
    statuses.set(got.status, (statuses.get(got.status) ?? 0) + 1)
    const fault = complaint(operation, sent, got)
    if (fault) wrong.push(report(seed, n, fault, sent, got))
    if (got.status >= 300) return
    met.add(operation.name)
    known.set(name, [...(known.get(name) ?? []), ...idsIn(got.text)].slice(-20))
    if (got.status === 204 && /\/me$|\/api-keys\//.test(operation.path)) keys = await options.keys()
  }
  const work = async (worker: number) => {
    const chance = chances(seed * 1000 + worker, known)
    while (next < count) await one(next++, chance)
  }
  await Promise.all(Array.from({ length: atOnce }, (_, worker) => work(worker)))
  return { statuses, met, wrong }
}

const report = (seed: number, n: number, fault: string, { method, path, headers, body }: Sent, { status, text }: Got): string =>
  [`seed ${seed}, request ${n}: the answer ${fault}`, `${method} ${path}`, JSON.stringify(headers), String(body), `-> ${status} ${text}`]
    .map(line => line.slice(0, 1000))
    .join('\n')
