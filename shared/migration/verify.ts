import { Refusal } from '../errors.ts'
import { newId } from '../id.ts'
import { canonicalText, type Json, parseJson, stringify } from '../json.ts'
import type { Replica } from '../memory.ts'
import type { Keeper, StageDb, View } from './ports.ts'
import { type Entry, holdsMemory } from './stage.ts'

/** One place where memory and Postgres differ; `path` is a JSON Pointer into the whole entry. */
export type Difference = { organization_id: string; key: string; path: string; memory: Json | undefined; postgres: Json | undefined }
export type Verified = { equal: boolean; compared: number; differences: Difference[]; repaired: number }
export type Verify = () => Promise<Verified>

const SHOWN = 1000
const LOOKS = 200
/** Where whole comparisons are recorded, and with them the clean pass that the next step asks for. */
export type Runs = {
  /** Undoes the last clean pass: what this comparison finds and mends counts, even if it does not come to its end. */
  begin(id: string, epoch: string): Promise<void>
  /** `repaired` of 0 makes it a clean pass of the stage it began in. `differences` is their JSON. */
  finish(id: string, compared: number, repaired: number, differences: string): Promise<void>
}

type Options = {
  runs: Runs
  keeper: Keeper
  stages: StageDb
  replica: Replica
  sleep(milliseconds: number): Promise<void>
}

/**
 * Compares memory with Postgres, whole. A difference is looked at again until no write of its key is under way: only then it
 * counts, and memory takes Postgres's word. A pass without any difference is a clean pass of the present stage; the last one ends
 * when another begins. One at a time: of two, one could mend what the other would have found.
 */
export const makeVerify = (options: Options): Verify => {
  let atWork = false
  return async () => {
    if (atWork) throw new Refusal('conflict', 'another comparison is under way', { retryAfter: 1 })
    atWork = true
    try {
      return await verifyAll(options)
    } finally {
      atWork = false
    }
  }
}

const verifyAll = async ({ runs, keeper, stages, replica, sleep }: Options): Promise<Verified> => {
  const { row } = await keeper.enter()
  if (!holdsMemory(row.stage) || row.stage === 'off') throw new Refusal('conflict', `in ${row.stage} there is no memory to compare`)
  await keeper.settle()
  const run = newId('run')
  await runs.begin(run, row.epoch)
  const differences: Difference[] = []
  let compared = 0
  let repaired = 0
  const seen = new Set<string>()

  /** Only the memory that this process serves is compared, in the stage that the comparison began in. */
  const serving = async (): Promise<View> => {
    const view = await keeper.enter()
    if (view.row.stage !== row.stage) throw new Refusal('conflict', `the stage became ${view.row.stage} during the comparison`)
    // others may write already, and imports go past memory in off, while this process has yet to hear how its step ended
    if (keeper.changing()) throw new Refusal('conflict', 'a change of stage is under way', { retryAfter: 1 })
    return view
  }
  const look = async (organization: string, id: string): Promise<void> => {
    const found = await conclude(organization, id, serving, { keeper, stages, replica, sleep })
    if (found.length === 0) return
    repaired++
    differences.push(...found.slice(0, SHOWN - differences.length))
  }

  const differs = (theirs: Entry): boolean => {
    const ours = replica.read(theirs.organization_id, theirs.id)
    return ours === undefined || !alike(ours, theirs)
  }
  for await (const page of stages.entries()) {
    // the whole page before anything is awaited: what is written meanwhile would have to be looked at too, and so on
    const suspects = page.filter(differs)
    compared += page.length
    for (const theirs of page) seen.add(`${theirs.organization_id}\0${theirs.id}`)
    for (const { organization_id, id } of suspects) await look(organization_id, id)
  }
  for (const ours of [...replica.entries()])
    if (!seen.has(`${ours.organization_id}\0${ours.id}`)) {
      compared++
      await look(ours.organization_id, ours.id)
    }

  await serving()
  await runs.finish(run, compared, repaired, stringify(differences))
  return { equal: repaired === 0, compared, differences, repaired }
}

/** Whether nothing has moved, nor is about to, since the view was taken. */
const isPresent = (keeper: Keeper, view: View): boolean => keeper.holds(view) && !keeper.changing()

/** Reads both sides until they agree, or until they differ with no write of the key between the two readings. */
const conclude = async (
  organization: string,
  id: string,
  serving: () => Promise<View>,
  { keeper, stages, replica, sleep }: Pick<Options, 'keeper' | 'stages' | 'replica' | 'sleep'>,
): Promise<Difference[]> => {
  for (let attempt = 1; attempt <= LOOKS; attempt++) {
    await keeper.settle({ organization, id })
    const view = await serving()
    const before = replica.read(organization, id)
    const quiet = !keeper.writing(organization, id)
    const theirs = await stages.entry(organization, id)
    if (!isPresent(keeper, view)) continue
    const ours = replica.read(organization, id)
    if (ours === undefined ? theirs === undefined : theirs !== undefined && alike(ours, theirs)) return []
    const still = quiet && !keeper.writing(organization, id) && ours?.version === before?.version
    if (still || (ours !== undefined && ours.version === theirs?.version)) {
      if (theirs) replica.replace(theirs)
      else if (ours) replica.replace({ ...ours, deleted: true })
      return differ(organization, id, ours, theirs)
    }
    await sleep(Math.min(attempt, 20))
  }
  throw new Refusal('unavailable', `${id} changes too fast to be compared`, { retryAfter: 5 })
}

const alike = (ours: Entry, theirs: Entry): boolean =>
  ours.version === theirs.version &&
  ours.deleted === theirs.deleted &&
  (ours.json === theirs.json || canonicalText(parseJson(ours.json)) === canonicalText(parseJson(theirs.json)))

const contentOf = (entry: Entry | undefined): Json | undefined => (entry === undefined || entry.deleted ? undefined : parseJson(entry.json))

const differ = (organization_id: string, key: string, ours: Entry | undefined, theirs: Entry | undefined): Difference[] => {
  const found = [...paths(contentOf(ours), contentOf(theirs), '')]
  if (found.length === 0) found.push({ path: '', memory: ours?.version, postgres: theirs?.version })
  return found.map(one => ({ organization_id, key, ...one }))
}

/** Where two values differ, deepest first named: JSON Pointers (RFC 6901). */
export function* paths(
  memory: Json | undefined,
  postgres: Json | undefined,
  path: string,
): IterableIterator<Pick<Difference, 'path' | 'memory' | 'postgres'>> {
  if (canonicalText(memory ?? null) === canonicalText(postgres ?? null) && (memory === undefined) === (postgres === undefined)) return
  if (!isTree(memory) || !isTree(postgres) || Array.isArray(memory) !== Array.isArray(postgres)) yield { path, memory, postgres }
  else
    for (const key of new Set([...Object.keys(memory), ...Object.keys(postgres)])) {
      const step = key.replaceAll('~', '~0').replaceAll('/', '~1')
      yield* paths(at(memory, key), at(postgres, key), `${path}/${step}`)
    }
}

const isTree = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value))

const at = (tree: { [key: string]: Json }, key: string): Json | undefined => (Object.hasOwn(tree, key) ? tree[key] : undefined)
