import { expect } from 'vitest'
import { type Stage, stages, stepOf } from '../../shared/migration/stage.ts'
import type { TestDatabase } from '../support/database.ts'
import type { Holder } from '../support/locks.ts'
import type { Process } from '../support/processes.ts'

/** A database with counters, on which a rule is tried: its processes stay no longer than that. */
export type Ground = {
  database: TestDatabase
  holder: Holder
  start(): Promise<Process>
  /** Puts the counters where they are to be, before anybody has met them. */
  at(stage: Stage): Promise<void>
}

/** Rules that the database itself holds. `holds` throws where one does not. */
export const sqlRules = {
  lease: {
    says: 'rule 5: a second process is refused while the first holds memory, and serves all it acknowledged once its lease has ended',
    holds: async ({ start, at }) => {
      await at('dualwrite')
      const [one, two] = [await start(), await start()]
      await one.add('a')
      const before = await one.staged.keeper.enter()
      await expect(two.get('a')).rejects.toMatchObject({ code: 'unavailable', retryAfter: 1 })
      await one.staged.release()
      expect(await two.get('a')).toBe(1)
      expect(BigInt((await two.staged.keeper.enter()).row.epoch)).toBeGreaterThan(BigInt(before.row.epoch))
    },
  },

  epoch: {
    says: 'rule 5: a write under an epoch that has passed is refused, and made again on what memory is filled with then',
    holds: async ({ database, start, at }) => {
      await at('dualwrite')
      const one = await start()
      for (const name of ['a', 'b']) await one.add(name)
      await database.sql(`update counters set value = 7, version = nextval('row_version') where id = 'b'`)
      await database.sql('update migration_stages set epoch = epoch + 1')
      expect(await one.add('a')).toBe(2)
      expect(await one.get('b')).toBe(7)
    },
  },

  steps: {
    says: 'rule 5: every step that is not legal is refused by the database itself, and a step without the lease',
    holds: async ({ holder, at }) => {
      await at('off')
      const take = async (from: string, to: string, process: string): Promise<string> => {
        await holder.sql(
          `update migration_stages set stage = $1, epoch = 5, stage_epoch = 1, clean_pass = 5, changed_at = now() - interval '1 hour'`,
          [from],
        )
        await holder.sql('delete from migration_leases')
        await holder.sql(`insert into migration_leases (collection, instance, kind, epoch, since, expires_at)
values ('counters', 'holder', 'memory', 5, 5, now() + interval '1 minute'), ('counters', 'stale', 'memory', 4, 4, now() + interval '1 minute'),
  ('counters', 'guest', 'shared', 5, 5, now() + interval '1 minute')`)
        const change = `select migration_change('counters', '${process}', 5, $1, 1)`
        return holder.sql(change, [to]).then(
          () => 'taken',
          (error: { code: string }) => error.code,
        )
      }
      for (const from of stages)
        for (const to of stages) {
          const step = stepOf(from, to)
          expect([from, to, await take(from, to, 'holder')]).toEqual([from, to, step ? 'taken' : 'AH411'])
          for (const process of ['stale', 'guest', 'nobody'])
            if (step) expect([from, to, await take(from, to, process)]).toEqual([from, to, step.by === 'holder' ? 'AH410' : 'taken'])
        }
    },
  },

  proof: {
    says: 'rule 5: a step that is proved by nothing is refused by the database itself',
    holds: async ({ database, start, at }) => {
      await at('shadow')
      const one = await start()
      await one.add('a')
      await database.sql('update migration_stages set clean_pass = stage_epoch - 1')
      await expect(one.step('live')).rejects.toMatchObject({ code: 'conflict' })
      expect(await one.staged.verify()).toMatchObject({ equal: true })
      expect(await one.step('live')).toBe('live')
      await expect(one.step('rampdown'), 'a clean pass of the stage before is none').rejects.toMatchObject({ code: 'conflict' })
    },
  },

  versions: {
    says: 'rule 7: the flip to dualwrite takes what off wrote, and all of it with versions of its own',
    holds: async ({ database, start, at }) => {
      await at('off')
      const one = await start()
      const stored = (id: string) =>
        database.sql(
          `insert into counters (organization_id, id, value, version, created_at, updated_at)
values ('org-rules', $1, 5, nextval('row_version'), now(), now())`,
          [id],
        )
      await stored('filled')
      // memory goes on from there, with more versions than Postgres draws meanwhile
      await Promise.all(Array.from({ length: 100 }, (_, i) => one.add(i === 0 ? 'b' : 'a')))
      const handedOut = one.replica.newest()
      await stored('imported')
      const patiently = (): Promise<number> =>
        one.add('c').catch((error: { retryAfter?: number }) => (error.retryAfter ? patiently() : Promise.reject(error)))
      const racing = Promise.all(Array.from({ length: 30 }, patiently))
      expect(await one.step('dualwrite')).toBe('dualwrite')
      await racing
      const rows = await database.sql<{ id: string; value: string }>('select id, value from counters order by id')
      expect(rows.map(({ id, value }) => `${id} ${value}`)).toEqual(['a 99', 'b 1', 'c 30', 'filled 5', 'imported 5'])
      expect(await one.get('imported')).toBe(5)
      for (const { id, version } of one.replica.entries()) if (id.length === 1) expect(BigInt(version)).toBeGreaterThan(handedOut)
      expect(await one.staged.verify()).toMatchObject({ equal: true, compared: 5 })
    },
  },

  validity: {
    says: 'rule 8: the stage complete is asked for again once it has been relied on for as long as it may be',
    holds: async ({ database, start, at }) => {
      await at('complete')
      const one = await start()
      await one.add('a')
      const { validUntil } = (await one.staged.keeper.enter()).row
      const enter = () => database.sql(`select enter_scope('org-rules', 'rules', '{}', $1)`, [validUntil])
      await enter()
      await database.sql('select pg_sleep(extract(epoch from $1::timestamptz - clock_timestamp()))', [validUntil])
      await expect(enter()).rejects.toMatchObject({ code: 'AH410' })
      const authenticate = database.sql(`select authenticate('org-rules', 'unknown', 'viewer', '{}', $1)`, [validUntil])
      await expect(authenticate).rejects.toMatchObject({ code: 'AH410' })
      expect(await one.add('a')).toBe(2)
      expect(await database.sql('select value from counters')).toEqual([{ value: '2' }])
    },
  },

  wait: {
    says: 'rule 8: live is not reached from complete before its last scope has ended, nor while a transaction begun before is open',
    holds: async ({ database, holder, start, at }) => {
      await at('complete')
      const [left, two] = [await start(), await start()]
      await left.add('a')
      await holder.sql('begin')
      try {
        await holder.sql('select 1')
        await two.step('rampdown')
        const refused = await two.step('live').catch(error => error)
        expect(refused).toMatchObject({ code: 'conflict', retryAfter: expect.any(Number) })
        // a process that has not heard of it writes on for as long as it may
        expect(await left.add('a')).toBe(2)
        await expect
          .poll(() => database.sql(`select changed_at + interval '1 second' < now() as over from migration_stages`))
          .toEqual([{ over: true }])
        await left.staged.release()
        await expect(two.step('live')).rejects.toMatchObject({ code: 'conflict' })
      } finally {
        await holder.sql('rollback')
      }
      await expect.poll(() => two.step('live').catch(() => 'not yet'), { timeout: 10_000 }).toBe('live')
      await expect.poll(() => two.get('a').catch(() => 'not yet'), { timeout: 10_000 }).toBe(2)
      await expect(left.add('a')).rejects.toMatchObject({ code: 'unavailable' })
      expect(await two.add('a')).toBe(3)
    },
  },
} satisfies Record<string, { says: string; holds: (ground: Ground) => Promise<void> }>

export type SqlRule = keyof typeof sqlRules
