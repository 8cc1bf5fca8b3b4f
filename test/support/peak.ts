import { setTimeout as wait } from 'node:timers/promises'
import { onServer } from './global.ts'

const PAUSE_MS = 50

/** Counts the connections that others have to a database, every 50 ms; `stop` tells the most there were. */
export const peakConnections = async (database: string): Promise<{ stop(): Promise<number> }> => {
  let most = 0
  let stopped = false
  const text = `select count(*)::int as n from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
  const watching = onServer(database, async client => {
    while (!stopped) {
      most = Math.max(most, (await client.query<{ n: number }>(text)).rows[0]?.n ?? 0)
      await wait(PAUSE_MS)
    }
  })
  return {
    stop: async () => {
      stopped = true
      await watching
      return most
    },
  }
}
