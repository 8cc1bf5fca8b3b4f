import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Child } from '../support/children.ts'
import { median } from '../support/load.ts'
import { type Bench, type Ground, gateway, outdir } from './ground.ts'
import type { Target } from './report.ts'
import { BARE, type Workload, workloads } from './scale.asked.ts'
import { fillEvents, fillRows, prepare } from './scale.fill.ts'
import { plotted, type Series } from './scale.plot.ts'

const LEAST = 10_000
const WHOLE = { rows: 1_000_000, events: 10_000_000 }
const ROWS = Number(process.env.BENCH_SCALE_ROWS ?? WHOLE.rows)
const EVENTS = Number(process.env.BENCH_SCALE_EVENTS ?? WHOLE.events)
const TIMES = Number(process.env.BENCH_SCALE_TIMES ?? 60)
const WARM_UP = 6
/** The plot that the README shows is of the whole size; that of less goes where nothing is kept. */
const PLOT = ROWS === WHOLE.rows && EVENTS === WHOLE.events ? fileURLToPath(new URL('scale.svg', import.meta.url)) : `${outdir}/scale.svg`

/** Medians in milliseconds, one request at a time, in turn, so that what else the machine does meets all. */
const measured = async (call: ReturnType<Ground['call']>, asked: readonly Workload[], size: number): Promise<Map<string, number>> => {
  const times = new Map<string, number[]>(asked.map(({ what }) => [what, []]))
  for (let i = 0; i < WARM_UP + TIMES; i++)
    for (const { what, ask } of asked) {
      const { method = 'GET', path, body, headers } = ask(1 + ((i * 7919) % (Math.min(size, ROWS) - 20)), `${what} ${size} ${i}`, size)
      const start = performance.now()
      await call(method, path, body, headers)
      if (i >= WARM_UP) times.get(what)?.push(performance.now() - start)
    }
  return new Map([...times].map(([what, of]) => [what, median(of)]))
}

type Point = { size: number; found: Map<string, number> }

/** How a workload grew from its first size to its last, beside what asks for nothing that grows: a target, where there are two sizes. */
const growth = (points: readonly Point[], what: string): Target[] => {
  const own = points.filter(({ found }) => found.has(what))
  const [first, last] = [own[0], own.at(-1)]
  if (first === undefined || last === undefined || first === last) return []
  const beside = ({ found }: Point) => (found.get(what) as number) / (found.get(BARE.what) as number)
  return [{ what: `${what}: ${last.size} beside ${first.size}`, value: beside(last) / beside(first), most: 2 }]
}

const seriesOf = (points: readonly Point[]): Series[] =>
  workloads
    .map(({ what }) => ({
      name: what,
      points: points.flatMap(({ size, found }) => (found.has(what) ? [[size, found.get(what) as number] as const] : [])),
    }))
    .filter(({ points }) => points.length > 0)

/** What grows with an organization's rows: nothing should. Writes a plot of it. */
export const scale: Bench = {
  name: 'scale',
  about: `p50 of a request, one at a time, in an organization of ${LEAST} to ${ROWS} rows of each kind, and of up to ${EVENTS} events`,
  run: async ({ serve, organization, sql, call }) => {
    const ours: Child = await serve(gateway, { DB_STATEMENT_TIMEOUT_MS: '60000', LOG_LEVEL: 'error' })
    const { key } = await organization(ours, 'acme')
    const calling = call(ours, key)
    await calling('PUT', '/database/tables/goods', { columns: { name: 'string', price: { type: 'number', indexed: true } } })
    await prepare(sql)
    const points: Point[] = []
    let filled = 0
    for (let size = LEAST; size <= Math.max(ROWS, EVENTS); size *= 10) {
      if (size <= ROWS) await fillRows(sql, filled, size)
      if (size <= EVENTS) await fillEvents(sql, ours, filled, size)
      filled = size
      const asked = workloads.filter(({ of, least = 0 }) => of === 'nothing' || (size >= least && size <= (of === 'rows' ? ROWS : EVENTS)))
      points.push({ size, found: await measured(calling, asked, size) })
    }
    writeFileSync(PLOT, plotted(seriesOf(points)))
    return {
      table: [
        ['p50 ms', ...points.map(({ size }) => String(size))],
        ...workloads.map(({ what }) => [what, ...points.map(({ found }) => found.get(what)?.toFixed(2) ?? '')]),
      ],
      targets: workloads.filter(workload => workload !== BARE).flatMap(({ what }) => growth(points, what)),
    }
  },
}
