import type { Scope } from '../../../shared/db/scope.ts'
import { type Stage, stages } from '../../../shared/migration/stage.ts'
import { type Request, Violation } from './books.ts'
import { COUNTERS } from './state.ts'
import type { Seen } from './toy.ts'
import type { Instance, World } from './world.ts'

export const REGISTERS = ['a', 'b', 'c']
export const [COUNTER, TWIN] = COUNTERS as [string, string]

let numbered = 0
export const scopeOf = (request: string): Scope => ({
  organization_id: 'o',
  caller: { kind: 'platform', actor: 'fuzz' },
  context: { request_id: request },
})

/** What is left to ask again: an increment, or a put of a version, with an Idempotency-Key, whose answer may not have come. */
export type Ask = { request: Request; attempts: number; ifMatch: string | undefined }
export type Client = { increments: number; again: Ask[] }

/** Keeps the books of an answer, whenever it comes. Only a refusal may come instead of one. */
const follow = <T>(
  world: World,
  instance: Instance,
  name: string,
  asked: Promise<T>,
  answered: (answer: T) => void,
  failed: (error: unknown) => void,
) => {
  world.waiting.set(name, instance.name)
  const book = (keep: () => void) => {
    if (!world.waiting.delete(name)) return // its process has died: nobody hears this
    try {
      keep()
    } catch (error) {
      world.failure ??= error
    }
  }
  asked.then(
    answer => book(() => answered(answer)),
    error =>
      book(() => {
        if (!(error instanceof world.code.Refusal)) throw new Violation(`${name} ended in ${(error as Error).stack}`)
        world.trace?.push(`${world.state.clock} ${name} is refused: ${error.message}`)
        failed(error)
      }),
  )
}

const told = (world: World, name: string, answer: unknown) =>
  world.trace?.push(`${world.state.clock} ${name} is answered ${JSON.stringify(answer)}`)

export const read = (world: World, instance: Instance, key: string): void => {
  const name = `get-${++numbered}(${key})@${instance.name}`
  const since = world.books.floors()
  world.trace?.push(`${world.state.clock} ${name} begins`)
  const answered = (seen: Seen | undefined) => {
    told(world, name, seen)
    world.books.observe(name, key, seen, since)
    world.note('read answered')
  }
  follow(world, instance, name, instance.store().get(scopeOf(name), key), answered, () => world.note('read refused'))
}

export const list = (world: World, instance: Instance, how: 'list' | 'survey'): void => {
  const name = `${how}-${++numbered}@${instance.name}`
  const since = world.books.floors()
  world.trace?.push(`${world.state.clock} ${name} begins`)
  const answered = (all: Seen[]) => {
    told(world, name, all)
    for (const key of [...REGISTERS, ...COUNTERS])
      world.books.observe(
        name,
        key,
        all.find(({ id }) => id === key),
        since,
      )
    world.note(`${how} answered`)
  }
  follow(world, instance, name, instance.store()[how](scopeOf(name)), answered, () => world.note('read refused'))
}

/** A write's refusal: of an unknown outcome nothing is known, of any other that nothing was done. */
const refused = (world: World, request: Request, since: ReturnType<World['books']['floors']>) => (error: unknown) => {
  const unknown = error instanceof world.code.OutcomeUnknown
  world.note(unknown ? 'write unknown' : 'write refused')
  if (!unknown) request.outcome = 'none'
  const version = /at version (\d+)/.exec((error as Error).message)?.[1]
  if (version !== undefined) world.books.observeVersion(request.name, request.key, Number(version), since)
}

/** As a route does: in memory's stages it is known before what will be changed. */
const incrementBoth = ({ staged, store }: Instance, scope: Scope, by: number): Promise<Seen[]> =>
  staged.keeper.stage() === 'complete' ? store().incrementAll(scope, by) : store().incrementAll(scope, by, COUNTERS)

type Kind = 'put' | 'remove' | 'increment' | 'both'

export const write = (world: World, instance: Instance, client: Client, kind: Kind, keys: string[]): void => {
  const { random, books } = world
  const counts = kind === 'increment' || kind === 'both'
  if (counts && client.increments >= 24) return
  const key = counts ? COUNTER : random.pick(keys)
  const name = `${kind}-${++numbered}(${key})@${instance.name}`
  const request = books.request(name, key, counts ? 4 ** client.increments++ : 0, kind === 'both' ? [TWIN] : undefined)
  const since = books.floors()
  const store = instance.store()
  const scope = scopeOf(name)
  const ifMatch = random.chance(0.25) ? String(since.durable.get(key) ?? 1) : undefined
  world.trace?.push(`${world.state.clock} ${name} begins${ifMatch ? ` if ${ifMatch}` : ''}`)
  const work: Record<Kind, () => Promise<Seen | Seen[] | undefined>> = {
    put: () => store.put(scope, key, name, ifMatch),
    remove: () => store.remove(scope, key),
    increment: () => store.increment(scope, key, request.by),
    both: () => incrementBoth(instance, scope, request.by),
  }
  const asked = work[kind]()
  const answered = (seen: Seen | Seen[] | undefined) => {
    told(world, name, seen)
    for (const one of seen === undefined ? [] : [seen].flat()) books.observe(name, one.id, one, since)
    books.acknowledged(request)
    world.note(kind === 'both' ? 'both acknowledged' : 'write acknowledged')
  }
  follow(world, instance, name, asked, answered, refused(world, request, since))
}

const newAsk = ({ books, random }: World, client: Client, keys: string[]): Ask => {
  const name = `once-${++numbered}`
  if (random.chance(0.5)) {
    const more = random.chance(0.4) ? [TWIN] : undefined
    return { request: books.request(name, COUNTER, 4 ** client.increments++, more), attempts: 0, ifMatch: undefined }
  }
  const key = random.pick(keys)
  return { request: books.request(name, key), attempts: 0, ifMatch: String(books.floors().durable.get(key) ?? 1) }
}

/** A write with an Idempotency-Key: may be asked again, anywhere, until it is answered. */
export const once = (world: World, instance: Instance, client: Client, keys: string[], again?: Ask): void => {
  const { code, books } = world
  if (!again && client.increments >= 24) return
  const ask = again ?? newAsk(world, client, keys)
  ask.attempts++
  const { request, ifMatch } = ask
  const name = `${request.name}.${ask.attempts}@${instance.name}`
  const since = books.floors()
  world.trace?.push(`${world.state.clock} ${name} begins`)
  const key = { id: request.name, hash: Buffer.from(request.name) }
  const asked = code.doOnce(
    instance.db,
    scopeOf(request.name),
    key,
    async scope => {
      const store = instance.store()
      const seen = await (ifMatch !== undefined
        ? store.put(scope, request.key, request.name, ifMatch)
        : request.more.length > 0
          ? incrementBoth(instance, scope, request.by)
          : store.increment(scope, COUNTER, request.by))
      return { status: 200, headers: {}, body: JSON.stringify(seen) }
    },
    refusal => ({ status: 409, headers: {}, body: refusal.message }),
  )
  if (ask.attempts < 4) client.again.push(ask)
  const answered = ({ body, replayed, status }: { body: string; replayed: boolean; status: number }) => {
    told(world, name, { body, replayed })
    world.note(replayed ? 'replayed' : 'done once')
    const floors = replayed ? books.replay() : since
    if (status !== 200) {
      const version = /at version (\d+)/.exec(body)?.[1]
      if (version === undefined) throw new Violation(`${name} was answered ${status} ${body}`)
      world.note('refused once')
      return books.observeVersion(name, request.key, Number(version), floors)
    }
    for (const seen of [JSON.parse(body) as Seen | Seen[]].flat()) books.observe(name, seen.id, seen, floors)
    books.acknowledged(request)
  }
  follow(world, instance, name, asked, answered, () => world.note('once refused'))
}

export const importRow = (world: World, instance: Instance, keys: string[]): void => {
  const name = `import-${++numbered}@${instance.name}`
  const asked = instance.db.write(scopeOf(name), { name: 'toy.import', text: 'toy.import', values: [world.random.pick(keys), name] })
  world.trace?.push(`${world.state.clock} ${name} begins`)
  follow(
    world,
    instance,
    name,
    asked,
    rows => world.note(rows.length > 0 ? 'imported' : 'import found it there'),
    () => world.note('import refused'),
  )
}

/** The operator asks for a stage: mostly the next or the last one, sometimes nonsense. */
export const operate = (world: World, instance: Instance, ways: number[]): void => {
  const { random } = world
  const { keeper, verify } = instance.staged
  const name = `operator-${++numbered}@${instance.name}`
  const failed = () => world.note('operator refused')
  if (random.chance(0.2)) {
    const answered = (run: { equal: boolean; differences: unknown[] }) => {
      world.note('verified')
      if (!run.equal) throw new Violation(`memory differed from Postgres: ${JSON.stringify(run.differences)}`)
    }
    follow(world, instance, `${name} verify`, verify(), answered, failed)
    return
  }
  const at = stages.indexOf(world.state.stage.name as Stage)
  const to = random.chance(0.9) ? (stages[at + random.pick(ways)] ?? 'dualwrite') : random.pick(stages)
  if (random.chance(0.6)) world.state.stage.cleanPass ??= world.state.stage.epoch
  world.trace?.push(`${world.state.clock} ${name} asks for ${to}`)
  const asked = keeper.enter().then(({ row }) => keeper.change(to, row.epoch))
  follow(
    world,
    instance,
    `${name} ${to}`,
    asked,
    row => {
      told(world, name, row)
      world.note('operator answered')
      if (row.stage !== to) throw new Violation(`${name} asked for ${to} and was told ${row.stage}`)
    },
    failed,
  )
}
