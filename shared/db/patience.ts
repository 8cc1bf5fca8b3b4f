import type { Statement } from './batch.ts'

/** How much longer than a statement its answer may take (ms), and how long a read may that is sent again after one that never came. */
export const MARGIN_MS = 1000

/** How long the answer to a batch may take (ms), where each statement may run for `timeout`, or as long as one of them lets it. */
export const longestOf =
  (timeout: number) =>
  (statements: readonly Statement[]): number =>
    Math.max(timeout, ...statements.map(({ lasts = 0 }) => lasts)) + MARGIN_MS

/**
 * How long a statement may run that changes a whole table (ms): less than a function may (60 s, terraform/domains.tf), with its wait for
 * a connection.
 */
export const WHOLE_TABLE_MS = 50_000

/**
 * Lets what follows in the transaction run so long, where the configuration allows less; its caller waits as long. What waits for a lock
 * that others need as well should do so before.
 */
export const patient: Statement = {
  name: 'patient',
  text: `select set_config('statement_timeout', $1, true) from pg_settings where name = 'statement_timeout' and setting::int between 1 and $1::int`,
  values: [WHOLE_TABLE_MS],
  lasts: WHOLE_TABLE_MS,
}
