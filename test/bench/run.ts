/** `npm run bench [-- NAME ...]`: runs the named benches, or all, and fails when one misses a target. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onServer } from '../support/global.ts'
import { startServer } from '../support/server.ts'
import { audit } from './audit.ts'
import { cache } from './cache.ts'
import { ceiling } from './ceiling.ts'
import { coldstart } from './coldstart.ts'
import { connections } from './connections.ts'
import { cranfield } from './cranfield.ts'
import { crash } from './crash.ts'
import { dualwrite } from './dualwrite.ts'
import { faultsUnderLoad } from './faults.ts'
import { oddRequests } from './fuzz.ts'
import { bundle, onGround } from './ground.ts'
import { idempotency } from './idempotency.ts'
import { dictionaryImport } from './import.ts'
import { ingest } from './ingest.ts'
import { loops } from './loops.ts'
import { meaning } from './meaning.ts'
import { pages } from './pages.ts'
import { payments } from './payments.ts'
import { peers } from './peers.ts'
import { records } from './records.ts'
import { isMet, machine, printed } from './report.ts'
import { reports } from './reports.ts'
import { restore } from './restore.ts'
import { scale } from './scale.ts'
import { scope } from './scope.ts'
import { snapshot } from './snapshot.ts'
import { soak } from './soak.ts'
import { stages } from './stages.ts'
import { timing } from './timing.ts'
import { traces } from './traces.ts'
import { vectors } from './vectors.ts'

const benches = [
  ...[
    ceiling,
    scope,
    pages,
    idempotency,
    audit,
    dualwrite,
    stages,
    crash,
    faultsUnderLoad,
    dictionaryImport,
    snapshot,
    records,
    payments,
    ingest,
    reports,
    cranfield,
    meaning,
    vectors,
    cache,
    connections,
    scale,
    soak,
    loops,
    oddRequests,
    timing,
    coldstart,
    traces,
    restore,
    peers,
  ],
]

/** The server of DATABASE_URL, or one of our own that goes when we do. */
const openServer = async (): Promise<{ url: string; stop(): Promise<void> }> => {
  const given = process.env.DATABASE_URL
  if (given) return { url: given, stop: async () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  const server = await startServer(join(folder, 'postgres'), [])
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const main = async (names: string[]): Promise<boolean> => {
  const unknown = names.filter(name => !benches.some(bench => bench.name === name))
  if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}: there are ${benches.map(({ name }) => name).join(', ')}`)
  await bundle()
  const server = await openServer()
  try {
    const { rows } = await onServer(server.url, client =>
      client.query<{ version: string }>("select current_setting('server_version') as version"),
    )
    let met = true
    for (const bench of benches.filter(({ name }) => names.length === 0 || names.includes(name))) {
      const lack = await bench.lacks?.(server.url)
      if (lack !== undefined) {
        console.log(`\n${bench.name}: left out, for ${lack}`)
        met &&= names.length === 0
        continue
      }
      const found = await onGround(server.url, bench)
      console.log(printed(bench.name, bench.about, machine(rows[0]?.version ?? 'unknown'), found))
      met &&= found.targets.every(isMet)
    }
    return met
  } finally {
    await server.stop()
  }
}

main(process.argv.slice(2)).then(
  met => process.exit(met ? 0 : 1),
  error => {
    console.error(error)
    process.exit(1)
  },
)
