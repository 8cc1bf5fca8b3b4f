import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { jsonOf } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Measured } from '../../shared/migration/measure.ts'
import { HeldElsewhere, type Stage, stepOf } from '../../shared/migration/stage.ts'
import type { Staged } from '../../shared/migration/staged.ts'
import type { CollectionState } from './stages.schema.ts'
import type { StageStore } from './stages.store.ts'

const scope: Scope = { organization_id: '', caller: { kind: 'jobs', actor: 'migration' }, context: { request_id: 'migration' } }

const state =
  jsonOf(`collection as name, stage, epoch, iso(changed_at) as changed_at, coalesce(clean_pass >= stage_epoch, false) as clean_pass,
  (select json_build_object('instance', instance, 'expires_at', iso(expires_at)) from migration_leases l
   where l.collection = migration_stages.collection and kind = 'memory' and expires_at > clock_timestamp()) as holder,
  (select measured from migration_leases l
   where l.collection = migration_stages.collection and kind = 'memory' and expires_at > clock_timestamp()) as measured,
  (select json_build_object('started_at', iso(started_at), 'finished_at', iso(finished_at), 'equal', finished_at is not null and repaired = 0,
     'compared', compared, 'differences', differences, 'repaired', repaired) from migration_runs r
   where r.collection = migration_stages.collection and kind = 'verify' order by started_at desc limit 1) as verification`)

const list = `select ${state} from migration_stages where collection = any($1) order by collection`

/** Makes sure that each collection of this deployment has its row. */
const meet = 'select migration_stage(name, $2) from unnest($1::text[]) name'

/** Says who asks for a step, so that the audit can tell it, whichever process takes it. */
const asking = `update migration_stages set asked_stage = $3, asked_at = clock_timestamp(), asked_by = $4, asked_in = $5::jsonb
where collection = $1 and epoch = $2`

const wish = `update migration_stages set wish = $3, wish_epoch = epoch, wished_at = clock_timestamp()
where collection = $1 and epoch = $2
returning stage`

/** Takes a step that is nobody's in particular. Checks all that the step asks for. */
const change = "select migration_change($1, 'migration', $2, $3, $4)"

const verifyWish = `update migration_stages set verify_wished_at = clock_timestamp()
where collection = $1 and stage in ('dualwrite', 'shadow', 'live')
returning collection`

/** How long a request waits for a step, and how often it looks. */
const WAIT_MS = 10_000
const LOOK_MS = 200

/** Where collections begin, and how many seconds their stages are relied on. */
type Settings = { first: Stage; validSeconds: number }

/** The stages in Postgres; `held` gives a collection whose memory this process may hold. */
export const postgresStageStore = (
  db: Database,
  held: (name: string) => Promise<Staged<object> | undefined>,
  names: string[],
  { first, validSeconds }: Settings,
): StageStore => {
  const array = (list: string[]) => `{${list.map(name => JSON.stringify(name)).join()}}`
  const read = async (wanted: string[]): Promise<CollectionState[]> => {
    await db.write(scope, { name: 'migration.meet', text: meet, values: [array(wanted), first] })
    const rows = await db.read(scope, { name: 'migration.list', text: list, values: [array(wanted)] })
    const all = rows.map(async ([json]: Columns) => {
      const found = JSON.parse(json as string) as Told
      return { ...found, measured: rated(measuredHere(await held(found.name)) ?? found.measured) }
    })
    return Promise.all(all)
  }
  const get = async (name: string) => (names.includes(name) ? (await read([name]))[0] : undefined)
  const wait = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))

  /** A step of a memory that another process holds: written down as a wish, and looked at until its holder has taken it. */
  const ask = async (name: string, to: Stage, expectedEpoch: string): Promise<boolean> => {
    const { stage, epoch, clean_pass } = (await get(name)) as CollectionState
    if (stage === to) return true // by a step of this very change, after which another process holds what stands against a lease
    const step = stepOf(stage, to)
    if (!step) throw new Refusal('conflict', `${stage} does not lead to ${to}`)
    if (String(epoch) !== expectedEpoch) throw new Refusal('conflict', `the epoch is ${epoch} by now, not ${expectedEpoch}`)
    if (step.by === 'anyone') {
      await db.write(scope, { name: 'migration.change', text: change, values: [name, expectedEpoch, to, validSeconds] })
      return true
    }
    if (step.proved && !clean_pass) throw new Refusal('conflict', `${to} needs a clean pass (POST .../verify) made in ${stage}`)
    const [row] = await db.write(scope, { name: 'migration.wish', text: wish, values: [name, expectedEpoch, to] })
    if (!row) throw new Refusal('conflict', `the epoch is not ${expectedEpoch} any more`)
    for (const deadline = performance.now() + WAIT_MS; performance.now() < deadline; await wait(LOOK_MS))
      if ((await get(name))?.stage === to) return true
    return false
  }

  /** Writes down that the holder is to compare. */
  const askVerify = async (name: string): Promise<undefined> => {
    const [row] = await db.write(scope, { name: 'migration.wish_verify', text: verifyWish, values: [name] })
    if (!row) throw new Refusal('conflict', 'there are not both, memory and Postgres, to compare in this stage')
  }

  return {
    list: () => read(names),
    get,
    change: async ({ caller, context }, name, to, expectedEpoch) => {
      const actor = caller.kind === 'token' ? null : caller.actor
      const values = [name, expectedEpoch, to, actor, JSON.stringify(context)]
      await db.write(scope, { name: 'migration.asking', text: asking, values })
      const staged = await held(name)
      if (!staged) return ask(name, to, expectedEpoch)
      const late = wait(WAIT_MS).then(() => false)
      const change = staged.keeper.change(to, expectedEpoch).then(
        () => true,
        error => (error instanceof HeldElsewhere ? ask(name, to, expectedEpoch) : Promise.reject(error)),
      )
      return Promise.race([change, late])
    },
    verify: async name => {
      const staged = await held(name)
      if (!staged) return askVerify(name)
      return staged.verify().catch(error => (error instanceof HeldElsewhere ? askVerify(name) : Promise.reject(error)))
    },
  }
}

/** What the holder wrote down, beside the rest. */
type Told = Omit<CollectionState, 'measured'> & { measured: Measured | null }

/** What this process has measured, if it serves the collection. */
const measuredHere = (staged: Staged<object> | undefined): Measured | undefined =>
  staged?.keeper.stage() === undefined ? undefined : staged.measure.read()

const rated = (measured: Measured | null): CollectionState['measured'] =>
  measured && { ...measured, agreement: measured.compared === 0 ? null : measured.agreed / measured.compared }
