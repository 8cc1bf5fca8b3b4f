import { median } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'

const RECORDS = Number(process.env.BENCH_RECORDS ?? 1_000_000)
const TIMES = 100
const BULK = 1000
const BULKS = 20

const columns = { name: 'string', price: { type: 'number', indexed: true }, at: { type: 'timestamp', indexed: true } }

/** Goods whose price and serial are their number; one in ten is red, one in a hundred thousand is of gold. */
const fill = `insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
select 'acme', record_key('goods', 'g' || n), 'goods', 'g' || n,
  jsonb_build_object('name', 'Thing ' || n, 'price', n, 'at', iso(at), 'serial', n, 'colour', case n % 10 when 0 then 'red' else 'blue' end,
    'metal', case n % 100000 when 0 then 'gold' else 'iron' end), nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2020-01-01' + n * interval '1 minute' as at) t`

const middle = Math.floor(RECORDS / 2)
const byIndex = {
  'range of an indexed field': { where: { price: { $gte: middle, $lt: middle + 100 } } },
  'the same, sorted by it': { where: { price: { $gte: middle, $lt: middle + 100 } }, order: [{ field: 'price' }] },
  'half of them, sorted by it': { where: { price: { $gte: middle } }, order: [{ field: 'price' }] },
  'one value of an indexed field': { where: { price: middle } },
  'a day of an indexed time': { where: { at: { $gte: '2020-03-01T00:00:00Z', $lt: '2020-03-02T00:00:00Z' } } },
  'sorted by an indexed field': { order: [{ field: 'price', direction: 'desc' }] },
  'half of them, the older ones, newest first': { where: { price: { $lt: middle } } },
  'one in a hundred, the oldest, newest first': { where: { price: { $lte: RECORDS / 100 } } },
  'one in twenty, the oldest, newest first': { where: { price: { $lte: RECORDS / 20 } } },
}
const others = {
  'one value of a field without index (GIN)': { where: { serial: middle } },
  'one in 100,000 (GIN)': { where: { metal: 'gold' } },
  'one in ten': { where: { colour: 'red' } },
}
const AIM_MS = 20

/** Queries of a large table, and records made in bulk. */
export const records: Bench = {
  name: 'records',
  about: `queries of ${RECORDS} records by HTTP, one at a time, beside a bare statement; ${BULK} records a request made in bulk`,
  run: async ({ serve, organization, sql, call }) => {
    const ours = await serve(gateway)
    const { key } = await organization(ours, 'acme')
    const send = call(ours, key)
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const start = performance.now()
      await work()
      return performance.now() - start
    }
    await send('PUT', '/database/tables/goods', { columns })
    for (let n = 1; n <= RECORDS; n += 50_000) await sql(fill, [n, Math.min(RECORDS, n + 49_999)])
    await sql('vacuum analyze data_records')
    await sql('vacuum analyze data_index')

    const many = async (work: () => Promise<unknown>): Promise<number[]> => {
      const times: number[] = []
      for (let i = 0; i < TIMES; i++) times.push(await timed(work))
      return times.sort((a, b) => a - b)
    }
    const cells = (times: number[]) => [median(times).toFixed(2), (times[Math.floor(times.length * 0.99)] as number).toFixed(2)]
    const table: string[][] = [['', 'median ms', 'p99 ms']]
    table.push(['bare: GET of one record', ...cells(await many(() => send('GET', `/database/tables/goods/records/g${middle}`)))])
    const found: number[] = []
    for (const [name, query] of Object.entries({ ...byIndex, ...others })) {
      const times = await many(() => send('POST', '/database/tables/goods/query', query))
      if (name in byIndex) found.push(median(times))
      table.push([name, ...cells(times)])
    }

    const bulk = (n: number) => ({
      records: Array.from({ length: BULK }, (_, i) => ({
        data: { name: `New ${i}`, price: n * BULK + i, at: '2026-01-01T00:00:00Z', colour: 'red' },
      })),
    })
    let made = 0
    for (let n = 0; n < BULKS; n++) made += await timed(() => send('POST', '/database/tables/goods/records', bulk(n)))
    const one = await many(() => send('POST', '/database/tables/goods/records', { data: { name: 'One', price: 1 } }))
    table.push([`${BULK} records made at once`, (made / BULKS).toFixed(2), ''], ['one record made', ...cells(one)])
    const rate = (BULK * BULKS * 1000) / made
    return {
      table,
      targets: [
        { what: 'the slowest query by an indexed field, ms', value: Math.max(...found), most: AIM_MS },
        { what: 'records/s in bulk', value: rate },
        { what: 'records/s in bulk / one by one', value: rate / (1000 / median(one)), least: 10 },
      ],
    }
  },
}
