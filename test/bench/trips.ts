import type pg from 'pg'
import { readConfig } from '../../shared/config.ts'
import type { Statement } from '../../shared/db/batch.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import { openPool } from '../../shared/db/pool.ts'
import { opening, type Scope } from '../../shared/db/scope.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { median } from '../support/load.ts'

const CONCURRENCY = 50
const SECONDS = 4
const ROUNDS = 3

/** Reads a second, of one kind and of the other. */
export type Trips = { one: number; four: number; ratio: number; roundTrip: number }

/**
 * Reads through `url` with the scope in one trip, and in four: BEGIN, authenticate, statement, COMMIT, each awaited, on one
 * client. Same pool (of the default size), same statements under the same names, same number of callers, in turn.
 */
export const trips = async (url: string, scope: Scope, statement: Statement): Promise<Trips> => {
  const config = readConfig({ DATABASE_URL: url })
  const { pool, close } = await openPool(config, 'agenthub_app', '')
  const log = makeLog('error', undefined)
  const db = makeDatabase(pool, { ...config.pool, log, metrics: makeMetrics() })
  const inOne = async () => expectOne(await db.read(scope, statement))
  const inFour = async () => {
    const client = await pool.connect()
    await client.query('begin')
    await client.query(named(opening(scope)))
    const { rows } = await client.query(named(statement))
    await client.query('commit')
    client.release()
    expectOne(rows)
  }
  try {
    for (const read of [inOne, inFour]) await rate(read, 1)
    const rounds: { one: number; four: number }[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push({ one: await rate(inOne, SECONDS), four: await rate(inFour, SECONDS) })
    return {
      one: median(rounds.map(({ one }) => one)),
      four: median(rounds.map(({ four }) => four)),
      ratio: median(rounds.map(({ one, four }) => one / four)),
      roundTrip: await roundTrip(pool),
    }
  } finally {
    await close()
  }
}

const named = ({ name, text, values }: Statement) => ({ name: `four_${name}`, text, values: [...values], rowMode: 'array' as const })

const expectOne = (rows: readonly unknown[]): void => {
  if (rows.length !== 1) throw new Error(`${rows.length} rows were read instead of 1`)
}

const rate = async (read: () => Promise<void>, seconds: number): Promise<number> => {
  const start = performance.now()
  const end = start + seconds * 1000
  let done = 0
  const caller = async () => {
    for (; performance.now() < end; done++) await read()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, caller))
  return (done * 1000) / (performance.now() - start)
}

/** Milliseconds that a trip takes by itself. */
const roundTrip = async (pool: pg.Pool): Promise<number> => {
  const times: number[] = []
  for (let i = 0; i < 50; i++) {
    const start = performance.now()
    await pool.query('select 1')
    times.push(performance.now() - start)
  }
  return median(times)
}
