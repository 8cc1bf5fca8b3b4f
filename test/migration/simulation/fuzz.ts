import { holdsMemory, type Stage, stages } from '../../../shared/migration/stage.ts'
import { Violation } from './books.ts'
import type { Code } from './code.ts'
import { type Mood, moodOf, type Place, placed, places } from './moods.ts'
import { type Client, COUNTER, importRow, list, once, operate, REGISTERS, read, scopeOf, write } from './requests.ts'
import { cancel, cut } from './server.ts'
import { COUNTERS, isCounter, toJson } from './state.ts'
import { crash, flush, happen, type Instance, makeWorld, settle, start, type World, work } from './world.ts'

export type Found = { seed: number; message: string; trace: string[] }

/** Runs one schedule; answers what was wrong in it, if anything. */
export const schedule = (
  code: Code,
  seed: number,
  faults: ReadonlySet<string>,
  counts: Map<string, number>,
  traced = false,
  wanted?: Place,
): Found | undefined => {
  const world = makeWorld(code, seed, faults, counts, traced)
  try {
    const place = wanted ?? (world.random.chance(0.35) ? world.random.pick(Object.keys(places) as Place[]) : undefined)
    begin(world, place && places[place].stage)
    const client: Client = { increments: 0, again: [] }
    if (place) warm(world)
    const events = place ? 15 + world.random.below(45) : 8 + world.random.below(32)
    const mood = place ? placed(world, place) : moodOf(world)
    for (let i = 0; i < events; i++) step(world, mood, client)
    end(world)
    return undefined
  } catch (error) {
    const message = error instanceof Violation ? error.message : ((error as Error).stack ?? String(error))
    return { seed, message, trace: world.trace ?? [] }
  }
}

/** Somewhere on the way: a stage, a few rows, one process at work or two. */
const begin = (world: World, stage: Stage | undefined): void => {
  const { random, state } = world
  state.stage.name = stage ?? random.pick(stages)
  if (random.chance(0.5)) state.stage.cleanPass = 1
  for (const id of [...REGISTERS, ...COUNTERS])
    if (random.chance(0.5)) {
      const row = { version: ++state.sequence, value: isCounter(id) ? '0' : `first ${id}`, deleted: false, by: 'import' as const }
      state.rows.set(id, row)
      state.watch.committed(id, row, undefined)
    }
  world.trace?.push(`begins in ${state.stage.name} with ${[...state.rows].map(([id, { value }]) => toJson(id, value)).join()}`)
  start(world, 0)
  if (random.chance(0.5)) start(world, 1)
}

/** The first process knows the stage, and has its lease and its memory. */
const warm = (world: World): void => {
  let over = false
  world.instances[0]?.staged.keeper.enter().then(
    () => {
      over = true
    },
    () => {},
  )
  flush(world)
  settle(world, () => over, 'the beginning')
}

const alive = (world: World): Instance[] => world.instances.filter(one => one !== undefined)

const step = (world: World, mood: Mood, client: Client): void => {
  const { random } = world
  const found = work(world)
  const kind = random.weighted(found.length > 0 ? mood.busy : mood.idle)
  if (kind === 'work') {
    happen(world, random.pick(found))
    return
  }
  if (kind === 'ask') ask(world, mood, client)
  else if (kind === 'operate') {
    const one = someone(world, 0.8)
    if (one) operate(world, one, mood.ways)
  } else if (kind === 'fault') fault(world, mood)
  else world.state.clock += random.pick([20, 200, 700, 1200, 2500])
  flush(world)
}

/** A process that is awake; with the chance of `holder`, the one that has the lease. */
const someone = (world: World, holder = 0): Instance | undefined => {
  const able = alive(world).filter(one => one.frozenUntil <= world.state.clock)
  const held = able.find(one => world.state.leases.has(one.name))
  if (held && world.random.chance(holder)) return held
  return able.length > 0 ? world.random.pick(able) : undefined
}

const ask = (world: World, mood: Mood, client: Client): void => {
  const one = someone(world, 0.5)
  if (!one) return
  const kind = world.random.weighted(mood.asks)
  if (kind === 'read') read(world, one, world.random.pick([...mood.keys, COUNTER]))
  else if (kind === 'list' || kind === 'survey') list(world, one, kind)
  else if (kind === 'once') once(world, one, client, mood.keys)
  else if (kind === 'again') {
    const again = client.again.splice(world.random.below(client.again.length), 1)[0]
    if (again) once(world, one, client, mood.keys, again)
  } else if (kind === 'import') importRow(world, one, mood.keys)
  else write(world, one, client, kind, mood.keys)
}

const fault = (world: World, mood: Mood): void => {
  const { random, state, trace } = world
  const kind = random.weighted(mood.faults)
  const sessions = state.sessions.filter(one => one.client !== undefined)
  const one = someone(world)
  if (kind === 'cut' || kind === 'late commit') {
    if (sessions.length === 0) return
    const session = random.pick(sessions)
    const goesOn = kind === 'late commit'
    world.note(session.phase === 'answer' ? 'answer lost' : goesOn ? 'given up, goes on' : 'fails before its commit')
    trace?.push(
      `${state.clock} ${session.instance} loses its connection at ${session.statements.at(-1)?.name} (${session.phase}${goesOn ? ', which goes on' : ''})`,
    )
    if (goesOn && random.chance(0.5)) session.heldUntil = state.clock + random.pick([30, 400, 1500])
    cut(state, session, goesOn)
  } else if (kind === 'delay') {
    const slow = sessions.filter(({ phase, at }) => phase === 'answer' || at === 0)
    if (slow.length === 0) return
    const heard = slow.filter(({ phase }) => phase === 'answer')
    const session = random.pick(heard.length > 0 && random.chance(0.6) ? heard : slow)
    session.heldUntil = state.clock + random.pick([30, 400, 1500, 3000])
    world.note(session.phase === 'answer' ? 'answer delayed' : 'batch delayed')
    trace?.push(
      `${state.clock} ${session.instance} waits until ${session.heldUntil} for ${session.statements.at(-1)?.name} (${session.phase})`,
    )
  } else if (kind === 'cancel') {
    const running = sessions.filter(({ phase, at }) => phase === 'run' && at > 0)
    if (running.length === 0) return
    world.note('statement timed out')
    cancel(state, random.pick(running))
  } else if (kind === 'start') {
    const place = world.instances.indexOf(undefined)
    if (place >= 0) start(world, place)
  } else if (one && kind === 'crash') {
    world.note(`crash`)
    trace?.push(`${state.clock} ${one.name} dies`)
    crash(world, one)
  } else if (one && kind === 'freeze') {
    world.note('freeze')
    const length = random.pick([300, 900, 1500, 4000])
    one.frozenUntil = state.clock + length
    if (random.chance(0.5)) one.slept += length
    trace?.push(`${state.clock} ${one.name} freezes until ${one.frozenUntil}`)
  } else if (one && kind === 'away') {
    world.note('Postgres away')
    one.cutOffUntil = state.clock + random.pick([20, 300, 1500])
    trace?.push(`${state.clock} Postgres is away for ${one.name} until ${one.cutOffUntil}`)
  }
}

/** Nothing goes wrong any more: every request ends, somebody serves, memory is what Postgres has, and the books agree. */
const end = (world: World): void => {
  const { state, books, random } = world
  for (const one of alive(world)) {
    one.cutOffUntil = 0
    if (one.staged.measure.read().fallbacks > 0) world.note('read from memory while Postgres fails')
  }
  world.trace?.push(`${state.clock} nothing goes wrong any more`)
  settle(world, () => world.waiting.size === 0 && state.sessions.length === 0, 'the schedule')
  const victim = alive(world)[0]
  if (victim && random.chance(0.1)) crash(world, victim)
  if (alive(world).length === 0) start(world, 0)
  let last: unknown
  for (let attempt = 0; attempt < 40; attempt++) {
    const one = alive(world)[attempt % alive(world).length] as Instance
    let over = false
    conclude(world, one).then(
      () => {
        over = true
        last = undefined
      },
      error => {
        over = true
        last = error
      },
    )
    flush(world)
    settle(world, () => over, 'the end')
    if (last === undefined) {
      settle(world, () => state.sessions.length === 0, 'the end')
      books.conclude(state.rows)
      return
    }
    if (!(last instanceof world.code.Refusal)) throw last
    world.trace?.push(`${state.clock} ${one.name} cannot end it: ${last.message}`)
    state.clock += 300
  }
  throw new Violation(`nobody serves any more: ${(last as Error).message}`)
}

const conclude = async ({ books, state, random }: World, { staged, store, memory, name }: Instance): Promise<void> => {
  let { row } = await staged.keeper.enter()
  if (row.stage === 'off') row = await staged.keeper.change('dualwrite', row.epoch)
  const since = books.floors()
  const last = await store().list(scopeOf('last'))
  for (const key of [...REGISTERS, ...COUNTERS]) {
    const seen = last.find(({ id }) => id === key)
    books.observe(`the last list of ${name}`, key, seen, since)
  }
  if (!holdsMemory(state.stage.name as Stage) || row.stage !== state.stage.name) return
  await staged.keeper.settle()
  for (const [id, { version, deleted, value }] of state.rows) {
    const seen = await memory.get(scopeOf('last'), id)
    if (seen?.version !== version || seen.deleted !== deleted || seen.value !== value)
      throw new Violation(`memory has ${id} as ${JSON.stringify(seen)} at the end, Postgres has version ${version}`)
  }
  if (random.chance(0.9)) return
  const { equal, differences } = await staged.verify()
  if (!equal) throw new Violation(`memory differs from Postgres at the end: ${JSON.stringify(differences)}`)
}
