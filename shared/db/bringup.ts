import type pg from 'pg'
import type { Login } from '../config.fields.ts'
import type { Config } from '../config.ts'
import { migrate } from './migrate.ts'
import { openPool } from './pool.ts'

/** Lets each login become its roles; what was granted before stays. Throws where there is no such login or role. */
export const grantRoles = async (client: pg.ClientBase, logins: readonly Login[]): Promise<void> => {
  for (const { login, roles } of logins) {
    const granted = roles.map(role => client.escapeIdentifier(role)).join(', ')
    await client.query(`grant ${granted} to ${client.escapeIdentifier(login)} with set true`)
  }
}

/** Cloud SQL has it where its flag is on: who changes tables and rights is then in the database's log. */
const AUDIT_TABLES_AND_RIGHTS = `do $$
begin
create extension if not exists pgaudit;
exception when others then
  raise notice 'pgaudit is not to be had here: %', sqlerrm;
end
$$`

/** Brings the configured database up to date: its schema, and who may become what. Returns the names of what it applied. */
export const bringUp = async (config: Config, dir: string): Promise<string[]> => {
  const opened = await openPool(config, 'login', dir)
  try {
    const client = await opened.pool.connect()
    try {
      await client.query('set statement_timeout = 0') // whatever the server's: an index takes as long as it takes
      const applied = await migrate(client, dir)
      await client.query(AUDIT_TABLES_AND_RIGHTS)
      await grantRoles(client, config.logins)
      return applied
    } finally {
      client.release(true)
    }
  } finally {
    await opened.close()
  }
}
