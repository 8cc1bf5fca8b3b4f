import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { type Server, startServer } from './server.ts'

/** A server whose transaction log is archived as it is filled, as Cloud SQL archives it for point-in-time recovery. */
export type Archived = Server & {
  /** Takes a base backup while it serves. */
  backup(): Promise<void>
  /** Archives all of the log up to now: the cloud does so within minutes, whether a piece is full or not. */
  archive(): Promise<void>
  /** Another server with what this one had at a moment (ISO 8601), at the end of what is archived, or as the `backup` alone has it. */
  restore(at?: string): Promise<Server>
  /** Ends all of it at once, for good. */
  kill(): void
}

/** Everything is under `folder`, which the server's user must be able to walk through. */
export const startArchived = async (folder: string, data = join(folder, 'data')): Promise<Archived> => {
  const [archive, copy] = [join(folder, 'archive'), join(folder, 'backup')]
  mkdirSync(archive)
  chmodSync(archive, 0o777)
  const archiving = ['-c', 'archive_mode=on', '-c', `archive_command=cp %p ${archive}/%f`, '-c', 'fsync=off']
  const server = await startServer(data, archiving)
  let killed = false
  const own = (path: string) => {
    const { uid, gid } = statSync(data)
    chownSync(path, uid, gid)
  }

  const connected = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  return {
    ...server,
    // PostgreSQL's low-level backup: what pg_basebackup does, of which npm's server has none
    backup: () =>
      connected(async client => {
        await client.query(`select pg_backup_start('nightly', true)`)
        execFileSync('cp', ['-a', data, copy])
        const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(true)')
        writeFileSync(join(copy, 'backup_label'), rows[0]?.labelfile ?? '')
        own(join(copy, 'backup_label'))
        for (const name of ['postmaster.pid', 'postmaster.opts', 'pg_wal']) rmSync(join(copy, name), { recursive: true, force: true })
        for (const name of ['pg_wal', 'pg_wal/archive_status']) {
          mkdirSync(join(copy, name), { mode: 0o700 })
          own(join(copy, name))
        }
      }),
    archive: () => connected(archiveNow),
    kill: () => {
      killed = true
      process.kill(Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]), 'SIGQUIT')
    },
    stop: async () => {
      if (!killed) await server.stop()
    },
    restore: async at => {
      const restored = join(folder, `restored-${Date.now()}`)
      execFileSync('cp', ['-a', copy, restored])
      const moment = at?.replace('T', ' ').replace('Z', '+00') // a setting takes no ISO 8601
      const target = at === 'backup' ? `recovery_target = 'immediate'` : `recovery_target_time = '${moment}'`
      const until = at === undefined ? [] : [target, `recovery_target_action = 'promote'`]
      const recovery = [`restore_command = 'cp ${archive}/%f %p'`, ...until]
      appendFileSync(join(restored, 'postgresql.auto.conf'), `${recovery.join('\n')}\n`)
      writeFileSync(join(restored, 'recovery.signal'), '')
      own(join(restored, 'recovery.signal'))
      return startServer(restored)
    },
  }
}

const archiveNow = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ name: string }>(
    `select pg_walfile_name(pg_logical_emit_message(true, 'drill', 'a piece is never empty')) as name`,
  )
  await client.query('select pg_switch_wal()')
  const behind = 'select coalesce(last_archived_wal < $1, true) as behind from pg_stat_archiver'
  while ((await client.query<{ behind: boolean }>(behind, [rows[0]?.name])).rows[0]?.behind) await new Promise(setImmediate)
}
