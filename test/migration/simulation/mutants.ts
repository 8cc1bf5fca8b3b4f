import type { Edit } from './bundle.ts'
import type { Place } from './moods.ts'

/** A deliberate fault: in the real code (`edits`), or in the simulated Postgres where the guarantee is SQL's (`faults`). */
export type Mutant = {
  name: string /** Where it is looked for: it would take longer elsewhere. */
  place?: Place
  edits?: Edit[]
  faults?: string[]
}

const mirror = (from: string, to: string): Edit => ({ file: 'migration/mirror.ts', from, to })
const keeper = (from: string, to: string): Edit => ({ file: 'migration/keeper.ts', from, to })
const off = (from: string, to: string): Edit => ({ file: 'migration/off.ts', from, to })
const catchup = (from: string, to: string): Edit => ({ file: 'migration/catchup.ts', from, to })
const stage = (from: string, to: string): Edit => ({ file: 'migration/stage.ts', from, to })

export const mutants: Mutant[] = [
  {
    name: 'memory before Postgres',
    edits: [
      mirror(
        '      return { result: await inPostgres(call, { around }) }\n    } catch (error) {\n      if (error instanceof Outcome',
        '      await ask(memory, call)\n      return { result: await inPostgres(call, { around }) }\n    } catch (error) {\n      if (error instanceof Outcome',
      ),
    ],
  },
  {
    name: 'memory applied without looking at the version',
    edits: [{ file: 'memory.ts', from: 'if (kept && BigInt(kept.version) >= BigInt(entry.version)) return false', to: '' }],
  },
  { name: 'a hard delete', faults: ['a hard delete'] },
  { name: 'an import that overwrites', faults: ['an import that overwrites'] },
  {
    name: 'no pause on the way to dualwrite',
    edits: [stage("'off dualwrite': { by: 'holder', pause: true }", "'off dualwrite': { by: 'holder' }")],
  },
  {
    name: 'no pause on the way back to off',
    place: 'in flight while dualwrite ends',
    edits: [stage("'dualwrite off': { by: 'holder', pause: true }", "'dualwrite off': { by: 'holder' }")],
  },
  {
    name: 'no pause on the way back to shadow',
    place: 'live goes back to shadow',
    edits: [stage("'live shadow': { by: 'holder', pause: true }", "'live shadow': { by: 'holder' }")],
  },
  {
    name: 'memory answers while live ends',
    place: 'live gives its lease up',
    edits: [keeper('holds(one) && !leaving', 'holds(one)')],
  },
  {
    name: 'a lease relied on by the clock that stood still',
    place: 'asleep while others go on',
    edits: [{ file: 'migration/staged.ts', from: 'Math.max(now() - start[0], wall() - start[1])', to: 'now() - start[0]' }],
  },
  {
    name: 'rampdown skipped',
    place: 'the way back from complete',
    faults: ['any step'],
    edits: [
      stage(
        "'live rampdown': { by: 'holder', proved: true }",
        "'live rampdown': { by: 'holder', proved: true },\n  'live complete': { by: 'holder' }",
      ),
      stage("'complete rampdown': { by: 'anyone' }", "'complete rampdown': { by: 'anyone' },\n  'complete live': { by: 'anyone' }"),
    ],
  },
  {
    name: 'no wait before live',
    place: 'the way back from complete',
    faults: ['no wait'],
  },
  { name: 'no fill', edits: [keeper('      await fill(row)\n', '')] },
  { name: 'a stale epoch accepted', faults: ['a stale epoch'] },
  {
    name: 'unknown taken as failed',
    edits: [mirror('if (error instanceof OutcomeUnknown) doubt(call)\n', '')],
  },
  { name: 'version drawn before the lock', faults: ['version before the lock'] },
  {
    name: 'replay not applied to memory',
    place: 'asked twice',
    edits: [{ file: 'db/idempotency.ts', from: "end('unknown') //", to: "end('undone') //" }],
  },
  {
    name: 'no re-stamping on entering dualwrite',
    place: 'imports before dualwrite',
    edits: [
      catchup('for (const entry of left) replica.clean(entry)\n      await pull()', 'for (const entry of left) replica.clean(entry)'),
    ],
  },
  { name: 'the sequence not raised above the versions of off', faults: ['sequence not raised'] },
  { name: 'a second lease granted', faults: ['a second lease'] },
  { name: 'epoch not raised with the lease', faults: ['epoch not raised with the lease'] },
  { name: 'complete without valid_until', place: 'the way back from complete', faults: ['no valid_until'] },
  {
    name: 'a tombstone treated as a miss that falls back',
    place: 'lists and tombstones in live',
    edits: [
      mirror(
        '      return keeper.holds(view) ? { result } : undefined\n    } catch',
        '      if (around.entries()[0]?.deleted) return await inMemory(view, call)\n      return keeper.holds(view) ? { result } : undefined\n    } catch',
      ),
    ],
  },
  {
    name: 'an effect in off before its answer is committed',
    place: 'done once in off',
    edits: [off('return draft ? draft.within(work) : work()', 'return work()')],
  },
  {
    name: 'an effect in off that waited for something, before its answer is committed',
    place: 'done once in off',
    edits: [off('scope: { ...scope, step }', 'scope')],
  },
  {
    name: 'a write in off that goes on in a memory that is no longer its own',
    place: 'waited for in off',
    edits: [off('if (!proved(view)) throw new EpochMoved()', '')],
  },
  {
    name: 'a read that goes on in a memory that is no longer its own',
    place: 'waited for in dualwrite',
    edits: [mirror('return keeper.owns(view) ? { result } : undefined // what', 'return { result } // what')],
  },
  {
    name: 'a write that does not say what it changes, behind the back of memory',
    place: 'left behind in complete',
    edits: [mirror('if (!call.named && holdsMemory(view.row.stage)) throw unnamed(call)', '')],
  },
  {
    name: 'an effect in off of unknown outcome dropped',
    place: 'done once in off',
    edits: [off("else if (outcome === 'unknown') for", 'else if (false) for')],
  },
  {
    name: 'an effect in off behind the back of another that is under way',
    place: 'done once in off',
    edits: [off('unit.onEnd(await turns.take(wanted))', '')],
  },
  {
    name: 'an effect in off that nobody waits for',
    place: 'done once in off',
    edits: [off('around: probe(view.row.epoch, organization, [])', '')],
  },
  {
    name: 'a refusal within a transaction not applied to memory',
    place: 'refused once',
    edits: [mirror("outcome === 'committed' || outcome === 'refused'", "outcome === 'committed'")],
  },
  {
    name: 'what is undone applied to memory',
    place: 'undone once',
    edits: [mirror("(outcome === 'committed' || outcome === 'refused') && apply()", 'apply()')],
  },
  {
    name: 'what stood in the way of a write not applied to memory',
    place: 'refused without a unit',
    edits: [
      {
        file: 'migration/told.ts',
        from: '[entries.length > 0 ? entries : await db.read({ ...scope, around: undefined }, ...around.after)]',
        to: '[entries]',
      },
    ],
  },
  {
    name: 'a change of unknown outcome taken for failed',
    place: 'the flip to dualwrite',
    edits: [keeper('if (error instanceof OutcomeUnknown && holdsMemory(from.row.stage)) open', 'if (false) open')],
  },
  {
    name: 'imports of off left out of dualwrite',
    place: 'imports before dualwrite',
    edits: [catchup('else replica.apply(entry)', 'else if (replica.read(entry.organization_id, entry.id)) replica.apply(entry)')],
  },
  {
    name: 'an entry dirtied while it was copied is not copied again',
    place: 'the flip to dualwrite',
    edits: [{ file: 'memory.ts', from: 'if (kept?.version === version) byId', to: 'if (kept) byId' }],
  },
  {
    name: 'what was copied stays dirty in the pause, and nothing is copied in it',
    place: 'the flip to dualwrite',
    edits: [catchup('await db.change(epoch, to, left, replica.newest())', 'await db.change(epoch, to, [], replica.newest())')],
  },
  {
    name: 'what was imported is taken over what memory has not copied yet',
    place: 'imports before dualwrite',
    edits: [{ file: 'memory.ts', from: 'if (kept?.dirty) return false', to: '' }],
  },
  {
    name: 'an attempt that copies under the epoch of an earlier one',
    place: 'the flip to dualwrite',
    edits: [
      keeper(
        'const row = { ...present.row, epoch: await db.raise(present.row.epoch) }\n      if (view === present) {',
        'const row = present.row\n      if (view === present) {',
      ),
    ],
  },
  {
    name: 'the mark drawn after what it stands for was read',
    place: 'imports before dualwrite',
    edits: [
      catchup(
        'brought = copied + (await pull(await db.mark(epoch)))',
        'brought = copied + (await pull())\n        met = await db.mark(epoch)',
      ),
    ],
  },
  {
    name: 'the mark of a fill drawn after it',
    place: 'imports before dualwrite',
    edits: [
      catchup(
        'met = await db.mark(epoch)\n      if (!(await mend())) await load()',
        'if (!(await mend())) await load()\n      met = await db.mark(epoch)',
      ),
    ],
  },
  {
    name: 'what was read before a step is taken for what is there after it',
    edits: [catchup('page.filter(stamp => !replica.has(stamp))', 'page.filter(() => false)')],
  },
  { name: 'a mark that does not wait for imports under way', place: 'imports before dualwrite', faults: ['a mark without the lock'] },
  {
    name: 'a comparison that goes on in another stage',
    edits: [{ file: 'migration/verify.ts', from: 'if (view.row.stage !== row.stage) throw', to: 'if (false) throw' }],
  },
]
