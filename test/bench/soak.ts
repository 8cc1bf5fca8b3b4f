import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomOf } from '../support/random.ts'
import { ADMIN_KEY, type Bench } from './ground.ts'
import { makeTenant, turn } from './soak.asked.ts'

const SECONDS = Number(process.env.BENCH_SOAK_SECONDS ?? 300)
const CLIENTS = 16
/** Turns until the callers move to another organization. */
const TURNS = 500
const SEED = 20_261_124
const MB = 2 ** 20

/** Bytes, and when (milliseconds). */
type Look = { at: number; rss: number; heapUsed: number; external: number }

/** How much a part of them grows in a minute: the slope of the line that is nearest to all (least squares). */
const perMinute = (looks: readonly Look[], part: 'rss' | 'heapUsed' | 'external'): number => {
  const mean = (of: (look: Look) => number) => looks.reduce((sum, look) => sum + of(look), 0) / looks.length
  const at = mean(look => look.at)
  const size = mean(look => look[part])
  const shared = mean(look => (look.at - at) * (look[part] - size))
  return (shared / mean(look => (look.at - at) ** 2)) * 60_000
}

/** The memory of a process that serves everything at full rate, hour-like in minutes. */
export const soak: Bench = {
  name: 'soak',
  about: `${CLIENTS} callers ask every route of every domain, errors and repetitions and half of a request among them, for ${SECONDS} s; memory after garbage collection; seed ${SEED}`,
  run: async ({ serve }) => {
    const folder = mkdtempSync(join(tmpdir(), 'agenthub-soak-'))
    const file = join(folder, 'memory')
    try {
      const { url, alive } = await serve('test/bench/children/watched', { MEMORY_FILE: file, DB_POOL_SIZE: '10', LOG_LEVEL: 'error' })
      const random = randomOf(SEED)
      const counts = new Map<string, number>()
      const begin = performance.now()
      let turns = 0
      const tenantOf = (n: number) => makeTenant(url, ADMIN_KEY, `soak-${n}`)
      let tenant = await tenantOf(0)
      const caller = async () => {
        while (performance.now() - begin < SECONDS * 1000) {
          const serial = ++turns
          if (serial % TURNS === 0) tenant = await tenantOf(serial)
          await turn(url, ADMIN_KEY, tenant, random, counts, serial)
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, caller))
      const looks: Look[] = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
      const half = looks.slice(Math.floor(looks.length / 2))
      const whole = [...counts].filter(([status]) => status !== 'left')
      const sum = (those: [string, number][]) => those.reduce((all, [, n]) => all + n, 0)
      const mb = (bytes: number | undefined) => ((bytes ?? Number.NaN) / MB).toFixed(1)
      const shown = Array.from({ length: 6 }, (_, i) => looks[Math.round((i * (looks.length - 1)) / 5)])
      return {
        table: [
          ['', ...shown.map(look => `${Math.round((look?.at ?? 0) / 1000)} s`), 'MB/min, 2nd half'],
          ...(['heapUsed', 'external', 'rss'] as const).map(part => [
            `${part}, MB`,
            ...shown.map(look => mb(look?.[part])),
            mb(perMinute(half, part)),
          ]),
          ...[...counts].sort().map(([status, n]) => [`answers ${status}`, String(n)]),
        ],
        targets: [
          {
            what: 'answers 2xx, of all that came whole',
            value: sum(whole.filter(([status]) => status.startsWith('2'))) / sum(whole),
            least: 0.6,
          },
          { what: 'heap in use, MB/min over the second half', value: perMinute(half, 'heapUsed') / MB, most: 1 },
          { what: 'external memory, MB/min over the second half', value: perMinute(half, 'external') / MB, most: 1 },
          { what: 'resident memory, MB/min over the second half', value: perMinute(half, 'rss') / MB, most: 5 },
          { what: 'the process lives at the end', value: alive() ? 1 : 0, least: 1 },
          { what: 'answers 500', value: counts.get('500') ?? 0, most: 0 },
          { what: 'requests/s', value: turns / SECONDS },
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
