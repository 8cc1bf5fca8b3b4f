import type { Database } from '../../../shared/db/database.ts'
import type { Staged } from '../../../shared/migration/staged.ts'
import { type Books, makeBooks, Violation } from './books.ts'
import { simulatedDatabase } from './client.ts'
import type { Code } from './code.ts'
import { makeRandom, type Random } from './random.ts'
import { advance, cut, deliver, runnable } from './server.ts'
import { makeState, type Session, type State } from './state.ts'
import { type Toy, toyCollection } from './toy.ts'

export type Instance = {
  name: string
  place: number
  frozenUntil: number
  /** How long its machine's clock has stood still. */
  slept: number
  cutOffUntil: number
  staged: Staged<Toy>
  /** The store of the moment. */
  store: () => Toy
  memory: Toy
  db: Database
}
type Timer = { due: number; instance: string; wake: () => void; beats?: boolean }

/** Two processes over one simulated Postgres, and everything that has been asked of them and not been answered. */
export type World = {
  code: Code
  random: Random
  state: State
  books: Books
  instances: (Instance | undefined)[]
  timers: Timer[]
  /** Requests that wait for their answer, by the instance that has them. */
  waiting: Map<string, string>
  /** What went wrong in a continuation: a promise cannot throw into the scheduler. */
  failure: unknown
  counts: Map<string, number>
  note(what: string): void
  trace: string[] | undefined
}

export const LEASE_SECONDS = 1
/** A process looks after its lease less often than it would, or there would be little else to see. */
const RARER = 8
let drain = (): void => {
  throw new Error('microtasks cannot be drained yet')
}
/** How every promise that can go on goes on, at once. */
export const drainWith = (how: () => void): void => {
  drain = how
}

export const makeWorld = (code: Code, seed: number, faults: ReadonlySet<string>, counts: Map<string, number>, traced: boolean): World => {
  const books = makeBooks()
  const trace = traced ? [] : undefined
  const state = makeState(faults, {
    committed: (key, row, before) => {
      world.trace?.push(`${state.clock} committed ${key} ${row.value}${row.deleted ? ' (removed)' : ''} at version ${row.version}`)
      books.committed(key, row, before)
    },
    taken: (instance, stage) => {
      world.note('lease taken')
      world.trace?.push(`${state.clock} ${instance} takes the lease in ${stage}, epoch ${state.stage.epoch}`)
      books.taken(instance, stage)
    },
    changed: (from, to) => {
      world.note(`${from} -> ${to}`)
      world.trace?.push(`${state.clock} ${from} -> ${to}, epoch ${state.stage.epoch}`)
      books.changed(from, to)
    },
  })
  const world: World = {
    code,
    random: makeRandom(seed),
    state,
    books,
    instances: [undefined, undefined],
    timers: [],
    waiting: new Map(),
    failure: undefined,
    counts,
    note: what => void counts.set(what, (counts.get(what) ?? 0) + 1),
    trace,
  }
  return world
}

let started = 0

export const start = (world: World, place: number): void => {
  const { code, state } = world
  const name = `${'AB'[place]}${++started % 1000}`
  const instance: Instance = { name, place, frozenUntil: 0, slept: 0, cutOffUntil: 0 } as Instance
  instance.db = simulatedDatabase(code, state, name, () => instance.cutOffUntil <= state.clock)
  const collection = toyCollection(code, instance.db, world.books.inMemory)
  instance.memory = collection.memory
  const [leaseSeconds, validSeconds] = [LEASE_SECONDS, LEASE_SECONDS]
  const settings = { first: 'off' as const, instance: name, leaseSeconds, validSeconds, mayHaveEnded: async () => false }
  instance.staged = code.makeStaged(
    instance.db,
    Object.assign(() => {}, { enabled: () => false }),
    settings,
    collection,
    {
      now: () => state.clock - instance.slept,
      wall: () => state.clock,
      sleep: milliseconds => new Promise(wake => world.timers.push({ due: state.clock + milliseconds, instance: name, wake })),
      every: (milliseconds, beat) => {
        const timer = {
          due: state.clock + milliseconds * RARER,
          instance: name,
          wake: () => {
            world.timers.push(Object.assign(timer, { due: state.clock + milliseconds * RARER }))
            beat()
          },
          beats: true,
        }
        world.timers.push(timer)
        return () => void world.timers.splice(world.timers.indexOf(timer), 1)
      },
    },
  )
  instance.store = (instance.staged as unknown as { present(): Toy }).present // as bundle.ts has it
  world.instances[place] = instance
}

/** The process dies: what it would have heard or done next never happens; what Postgres has of it may still end. */
export const crash = (world: World, instance: Instance): void => {
  for (const session of world.state.sessions.filter(one => one.instance === instance.name)) {
    session.client = undefined
    cut(world.state, session, world.random.chance(0.5))
  }
  world.timers = world.timers.filter(timer => timer.instance !== instance.name)
  for (const [request, where] of world.waiting) if (where === instance.name) world.waiting.delete(request)
  world.instances[instance.place] = undefined
}

const awake = (world: World, name: string): boolean => {
  for (const one of world.instances) if (one?.name === name) return one.frozenUntil <= world.state.clock
  return true
}

/** Everything that could happen next without anybody's doing. */
export const work = (world: World): (Session | Timer)[] => {
  const { state, timers } = world
  const found: (Session | Timer)[] = []
  for (const session of state.sessions)
    if (session.heldUntil > state.clock) continue
    else if (runnable(state, session) || (session.phase === 'answer' && awake(world, session.instance))) found.push(session)
  for (const timer of timers) if (timer.due <= state.clock && awake(world, timer.instance)) found.push(timer)
  return found
}

/** One event, and everything that follows from it without another. */
export const happen = (world: World, event: Session | Timer): void => {
  const { state, random, trace } = world
  if ('wake' in event) {
    world.timers.splice(world.timers.indexOf(event), 1)
    event.wake()
  } else if (event.phase === 'answer') {
    trace?.push(
      `${state.clock} ${event.instance} hears of ${describe(event)}: ${event.error?.code ?? JSON.stringify(event.results.at(-1))}`,
    )
    deliver(state, event)
  } else {
    const before = event.phase
    advance(state, event, () => random.chance(0.15))
    trace?.push(
      `${state.clock} ${event.instance} ${describe(event)}: ${before} -> ${event.phase}${event.error ? ` ${event.error.code}` : ''}`,
    )
    if (
      (event.phase as Session['phase']) === 'answer' &&
      awake(world, event.instance) &&
      event.heldUntil <= state.clock &&
      random.chance(0.4)
    )
      deliver(state, event)
  }
  flush(world)
}

/** Lets every continuation run; what it found out comes out here. */
export const flush = (world: World): void => {
  drain()
  if (world.failure) throw world.failure
  world.state.clock += world.random.below(3)
}

const describe = ({ statements }: Session) =>
  statements
    .filter(({ name }) => !['enter_scope', 'enter_jobs', 'begin', 'commit'].includes(name))
    .map(({ name, values }) => `${name.replace('migration.', '')}(${values.filter(one => !Buffer.isBuffer(one)).join(' ')})`)
    .join(', ')

/** Nothing else may go wrong any more: runs until `done`, and the clock goes on where nothing else can. */
export const settle = (world: World, done: () => boolean, what: string): void => {
  const limit = world.state.clock + 120_000
  for (let events = 0; !done(); events++) {
    const found = work(world)
    if (found.length > 0) {
      happen(world, world.random.pick(found))
      continue
    }
    const due = world.timers.map(timer => Math.max(timer.due, world.instances.find(one => one?.name === timer.instance)?.frozenUntil ?? 0))
    const thaws = world.instances.flatMap(one => (one && one.frozenUntil > world.state.clock ? [one.frozenUntil] : []))
    const held = world.state.sessions.map(one => one.heldUntil).filter(until => until > world.state.clock)
    const next = Math.min(...due, ...thaws, ...held)
    if (!Number.isFinite(next) || next > limit || events > 20_000)
      throw new Violation(`${what} does not end: ${[...world.waiting.keys()].join()}`)
    world.state.clock = Math.max(world.state.clock, next)
  }
}
