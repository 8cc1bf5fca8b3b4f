import type { ClientBase } from 'pg'
import { Refusal } from '../errors.ts'
import { MARGIN_MS } from './patience.ts'

const WHOSE = { text: 'select pg_backend_pid() as pid', query_timeout: MARGIN_MS }

/**
 * Refuses a connection that is no session of the server's, told by the process that the login named. Whoever stands between (a pooler)
 * may hand out another session for each transaction: one without the role and the time-outs of this login, with statements that others
 * prepared under the same names, or with the lock of a job that runs elsewhere.
 */
export const oneSession = async (client: ClientBase): Promise<void> => {
  const { rows } = await client.query<{ pid: number }>(WHOSE)
  if (rows[0]?.pid !== (client as ClientBase & { processID: number }).processID)
    throw new Refusal('unavailable', 'a pooler stands before the database: connect to the server itself')
}
