import type { Edit } from './bundle.ts'
import type { Place } from './fuzz.ts'

/** A deliberate fault: in the real code (`edits`), or in the simulated Postgres where the guarantee is SQL's (`faults`). */
export type Mutant = {
  name: string /** Where it is looked for: it would take longer elsewhere. */
  place?: Place
  edits?: Edit[]
  faults?: string[]
}

const mirror = (from: string, to: string): Edit => ({ file: 'migration/mirror.ts', from, to })
const keeper = (from: string, to: string): Edit => ({ file: 'migration/keeper.ts', from, to })
const stage = (from: string, to: string): Edit => ({ file: 'migration/stage.ts', from, to })

export const mutants: Mutant[] = [
  {
    name: 'memory before Postgres',
    edits: [
      mirror(
        '      const result = await inPostgres(call, { around })\n      if (!scope.unit) learn',
        '      await ask(memory, call)\n      const result = await inPostgres(call, { around })\n      if (!scope.unit) learn',
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
    name: 'rampdown skipped',
    place: 'the way back from complete',
    edits: [
      stage(
        "'live rampdown': { by: 'holder', cleanPass: true }",
        "'live rampdown': { by: 'holder', cleanPass: true },\n  'live complete': { by: 'holder' }",
      ),
      stage("'complete rampdown': { by: 'anyone' }", "'complete rampdown': { by: 'anyone' },\n  'complete live': { by: 'anyone' }"),
    ],
  },
  {
    name: 'no wait before live',
    place: 'the way back from complete',
    edits: [stage("'rampdown live': { by: 'anyone', wait: true }", "'rampdown live': { by: 'anyone' }")],
  },
  { name: 'no fill', edits: [keeper('      await fill()\n', '')] },
  { name: 'a stale epoch accepted', faults: ['a stale epoch'] },
  {
    name: 'unknown taken as failed',
    edits: [mirror('if (error instanceof OutcomeUnknown) doubt(call)\n      else if', 'if')],
  },
  { name: 'version drawn before the lock', faults: ['version before the lock'] },
  {
    name: 'replay not applied to memory',
    place: 'asked twice',
    edits: [{ file: 'db/idempotency.ts', from: "end('unknown') //", to: "end('undone') //" }],
  },
  {
    name: 'no re-stamping on entering dualwrite',
    edits: [
      keeper('for (const entry of written) replica.replace(entry)', 'if (written.length < 0) return from.row'),
      keeper('if (enteringDual) for await (const page of db.entries()) for (const entry of page) replica.apply(entry)', ''),
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
        '      learn(around.entries())\n      return keeper.holds(view) ? { result } : undefined',
        '      const entries = around.entries()\n      if (entries[0]?.deleted) return await inMemory(view, call)\n      learn(entries)\n      return keeper.holds(view) ? { result } : undefined',
      ),
    ],
  },
  {
    name: 'a change of unknown outcome taken for failed',
    place: 'the flip to dualwrite',
    edits: [keeper('if (error instanceof OutcomeUnknown && holdsMemory(from.row.stage)) open', 'if (false) open')],
  },
  {
    name: 'imports of off left out of dualwrite',
    edits: [
      keeper(
        'for (const entry of page) replica.apply(entry)\n',
        'for (const entry of page) if (BigInt(entry.version) > newest) replica.apply(entry)\n',
      ),
    ],
  },
  {
    name: 'a comparison that goes on in another stage',
    edits: [{ file: 'migration/verify.ts', from: 'if (view.row.stage !== row.stage) throw', to: 'if (false) throw' }],
  },
]
