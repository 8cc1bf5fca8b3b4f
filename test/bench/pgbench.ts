import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Columns, Statement, Value } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { doOnce } from '../../shared/db/idempotency.ts'
import { opening, type Scope } from '../../shared/db/scope.ts'

const unused = () => Promise.reject(new Error('not recorded'))

/** The round trips of a piece of work under an Idempotency-Key, as our own code sends them; `row` is what its effect answers. */
export const recorded = async (scope: Scope, key: string, row: Columns, work: (db: Database, scope: Scope) => Promise<string>) => {
  const trips: Statement[][] = []
  const run = async (statements: readonly Statement[]): Promise<Columns[][]> => {
    trips.push([...statements])
    return statements.map(() => [row])
  }
  const write: Database['write'] = async (inner, ...statements) =>
    (await inner.unit?.run([opening(inner), ...statements]))?.at(-1) as Columns[]
  const db: Database = {
    ...{ open: () => {}, read: unused, write, writeAll: unused, writeAt: unused, spare: () => true, ready: unused, close: async () => {} },
    session: work => work(run, () => {}),
  }
  const headers = { 'content-type': 'application/json', etag: '"123456"' }
  const answer = async (inner: Scope) => ({ status: 200, headers, body: await work(db, inner) })
  const refused = () => ({ status: 500, headers: {}, body: '' })
  await doOnce(db, scope, { id: key, hash: Buffer.alloc(32, 7) }, answer, refused)
  return trips
}

/** Where a value holds this, it is another one in every run of the script. */
export const EACH = '[each]'

/** A value as SQL. pgbench takes a colon in a text for a variable. */
const literal = (value: Value): string => {
  if (value === null) return 'null'
  const text = Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value)
  const quoted = (part: string) => `e'${part.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll(':', '\\x3a')}'`
  const parts = text.split(EACH).map(quoted)
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(" || :client_id::text || '-' || :n::text || ")})`
}

/** The trips as a script of pgbench: the same statements in the same pipelines. */
export const scriptOf = (trips: Statement[][]): string => {
  const line = ({ text, values }: Statement) =>
    `${text.replace(/\$(\d+)/g, (_, n: string) => literal(values[Number(n) - 1] as Value)).replace(/\s+/g, ' ')};`
  const pipelines = trips.map(trip => ['\\startpipeline', ...trip.map(line), '\\endpipeline'].join('\n'))
  return ['\\set n random(1, 9000000000000000)', ...pipelines, ''].join('\n')
}

/** Runs a script with as many clients for so many seconds; transactions a second. PGBENCH is the program, and what goes before it. */
export const pgbench = (database: string, script: string, clients: number, seconds: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const [command = '', ...before] = (process.env.PGBENCH ?? 'pgbench').split(' ')
    const folder = mkdtempSync(join(tmpdir(), 'agenthub-pgbench-'))
    const file = join(folder, 'script.sql')
    writeFileSync(file, script)
    const args = ['-n', '-M', 'prepared', '-c', `${clients}`, '-j', '2', '-T', `${seconds}`, '-f', file, database]
    const options = '-c role=agenthub_app -c timezone=UTC -c jit=off -c statement_timeout=5000'
    const child = spawn(command, [...before, ...args], { env: { ...process.env, PGOPTIONS: options } })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    child.once('error', error => reject(new Error(`${command} cannot be run: set PGBENCH (Debian: postgresql-contrib)`, { cause: error })))
    child.once('close', () => {
      rmSync(folder, { recursive: true })
      const rate = Number(/tps = ([\d.]+)/.exec(printed)?.[1])
      const failed = /number of failed transactions: (\d+)/.exec(printed)?.[1]
      if (rate > 0 && failed === '0') resolve(rate)
      else reject(new Error(`pgbench: ${printed}`))
    })
  })
