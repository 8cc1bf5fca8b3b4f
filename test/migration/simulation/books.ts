import { isCounter, type Row, type Watch } from './state.ts'
import type { Seen } from './toy.ts'

/** What a client asked for, and what may be said of its effect. */
export type Request = {
  name: string
  key: string
  /** The others that it changes in the same step. */
  more: readonly string[]
  /** The weight of a counter's increment (a power of four, its own). */
  by: number
  /** How it stands: acknowledged, surely without effect, or unknown (at work still). */
  outcome: 'acknowledged' | 'none' | 'unknown'
  /** Whether memory alone did it (in off), and whether that has been lost or brought to Postgres. */
  volatile: boolean
  lost: boolean
}

/** What had been seen of keys when a request began. */
export type Floors = { durable: Map<string, number>; volatile: Map<string, number>; losses: number }

const NO_MORE: readonly string[] = []

export class Violation extends Error {}

export type Books = Watch & {
  request(name: string, key: string, by?: number, more?: readonly string[]): Request
  /** `request` was done by memory alone, in off. */
  inMemory(name: string, seen: Seen): void
  floors(): Floors
  /** What a replay is held to: it shows what was, and proves only that. */
  replay(): Floors
  /** An answer showed a key (version 0: it is not there). */
  observe(what: string, key: string, seen: Seen | undefined, since: Floors): void
  /** An answer told a version and nothing else. */
  observeVersion(what: string, key: string, version: number, since: Floors): void
  acknowledged(request: Request): void
  /** What memory alone knew in off is gone with its process: nobody is held to it. */
  conclude(rows: Map<string, Row>): void
}

/**
 * The books of one schedule: every commit, every answer. They throw at the first answer that cannot be right: a value that does not
 * belong to its version, a version older than one that was answered before the request began, an effect twice or lost.
 */
export const makeBooks = (): Books => {
  const committed = new Map<string, Map<number, string>>()
  const last = new Map<string, Row>()
  const inOff = new Map<string, Set<string>>()
  const durable = new Map<string, number>()
  const volatile = new Map<string, number>()
  const requests = new Map<string, Request>()
  let losses = 0
  let holder: string | undefined

  const textOf = (value: string, deleted: boolean) => `${value}${deleted ? ' (removed)' : ''}`
  /** What is handed out until something is raised. */
  let present: Floors | undefined
  /** Whether memory had this in off, at that version or a later one. */
  const wasInOff = (key: string, row: Row, least = 0): boolean => {
    const text = textOf(row.value, row.deleted)
    return [...(inOff.get(key) ?? [])].some(one => one.endsWith(` ${text}`) && Number.parseInt(one, 10) >= least)
  }
  const raise = (floors: Map<string, number>, key: string, version: number) => {
    if (version <= (floors.get(key) ?? 0)) return
    floors.set(key, version)
    present = undefined
  }
  const forget = () => {
    volatile.clear()
    present = undefined
  }
  const order = (what: string, key: string, version: number, since: Floors) => {
    const least = Math.max(since.durable.get(key) ?? 0, since.losses === losses ? (since.volatile.get(key) ?? 0) : 0)
    if (version < least) throw new Violation(`${what} shows ${key} at version ${version}, after version ${least} was answered`)
  }

  return {
    committed: (key, row, before) => {
      if (before && row.version <= before.version) throw new Violation(`${key} went from version ${before.version} to ${row.version}`)
      if (row.by === 'import' && before && before.by !== 'import') throw new Violation(`an import overwrote ${key}`)
      const text = textOf(row.value, row.deleted)
      if (row.by === 'restore' && !wasInOff(key, row, durable.get(key)))
        throw new Violation(`off's old ${text} of ${key} was written over what was answered since`)
      last.set(key, row)
      const of = committed.get(key) ?? new Map()
      committed.set(key, of.set(row.version, text))
    },
    taken: (instance, stage) => {
      if (stage === 'off' && holder !== instance) {
        losses++
        forget()
        for (const request of requests.values()) if (request.volatile) request.lost = true
      }
      holder = instance
    },
    changed: (from, to) => {
      if (from !== 'off' || to === 'off') return
      for (const [key, version] of volatile) {
        const row = last.get(key)
        if (row?.by === 'client' && row.version > version) continue // it was answered late, after an earlier off had ended
        if (!row || !wasInOff(key, row, version)) throw new Violation(`${key} leaves off without what was answered at version ${version}`)
      }
      for (const [key, version] of volatile) raise(durable, key, version)
      forget()
      for (const request of requests.values()) request.volatile = false
    },
    request: (name, key, by = 0, more = NO_MORE) => {
      const request: Request = { name, key, more, by, outcome: 'unknown', volatile: false, lost: false }
      requests.set(name, request)
      return request
    },
    inMemory: (name, { id, version, value, deleted }) => {
      const of = inOff.get(id) ?? new Set()
      inOff.set(id, of.add(`${version} ${textOf(value, deleted)}`))
      const request = requests.get(name)
      if (!request) return
      request.volatile = true
    },
    replay: () => ({ durable: new Map(), volatile: new Map(), losses: -1 }),
    floors: () => {
      present ??= { durable: new Map(durable), volatile: new Map(volatile), losses }
      return present
    },
    observe: (what, key, seen, since) => {
      const version = seen?.version ?? 0
      order(what, key, version, since)
      if (!seen) return
      const text = textOf(seen.value, seen.deleted)
      if (committed.get(key)?.get(version) === text) raise(durable, key, version)
      else if (inOff.get(key)?.has(`${version} ${text}`)) {
        if (since.losses === losses) raise(volatile, key, version)
      } else throw new Violation(`${what} shows ${key} as ${text} at version ${version}, which it never was`)
    },
    observeVersion: (what, key, version, since) => {
      order(what, key, version, since)
      const perhapsInOff = [...(inOff.get(key) ?? [])].some(one => Number.parseInt(one, 10) === version)
      if (committed.get(key)?.has(version) && !perhapsInOff) raise(durable, key, version)
    },
    acknowledged: request => {
      request.outcome = 'acknowledged'
    },
    conclude: rows => {
      for (const request of requests.values()) {
        if (!isCounter(request.key)) continue
        const timesIn = (key: string) => Math.floor(Number(rows.get(key)?.value ?? 0) / request.by) % 4
        const times = timesIn(request.key)
        const most = request.outcome === 'none' ? 0 : 1
        const least = request.outcome === 'acknowledged' && !request.lost ? 1 : 0
        if (times < least || times > most) throw new Violation(`${request.name} (${request.outcome}) took effect ${times} times`)
        for (const key of request.more)
          if (request.lost ? timesIn(key) > most : timesIn(key) !== times)
            throw new Violation(`${request.name} took effect ${times} times, and ${timesIn(key)} times in ${key}`)
      }
      for (const [key, version] of durable) {
        const last = rows.get(key)?.version ?? 0
        if (last < version) throw new Violation(`${key} ends at version ${last}, after version ${version} was answered`)
      }
    },
  }
}
