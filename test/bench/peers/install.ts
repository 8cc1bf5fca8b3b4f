import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('apart', import.meta.url))

/** The newest Node that every one of them says it runs on, its binary as a package: nothing of it needs an install script. */
const NODE = `node-${process.platform}-${process.arch}`
export const NODE_VERSION = '24.21.0'

const manifest = {
  private: true,
  type: 'module',
  dependencies: {
    [NODE]: NODE_VERSION,
    '@grafserv/persisted': '1.0.0',
    express: '5.3.0',
    'parse-server': '9.10.0',
    pg: '8.23.1',
    postgraphile: '5.1.5',
  },
  // Parse Server looks into the router's layers, which 2.3 changed: each of its batches would end with 500
  overrides: { 'parse-server': { router: '2.2.0' } },
}

/** Peers in a folder of their own: `node` runs their scripts, which lie beside their packages. */
export type Installed = { folder: string; node: string; remove(): void }

/** Installs the peers under BENCH_PEERS_DIR, where they stay, or into a temporary folder (700 MB, about a minute). */
export const install = (): Installed => {
  const kept = process.env.BENCH_PEERS_DIR
  if (kept !== undefined) mkdirSync(kept, { recursive: true })
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'agenthub-peers-'))
  const remove = () => (kept === undefined ? rmSync(folder, { recursive: true, force: true }) : undefined)
  const wanted = JSON.stringify(manifest, null, 2)
  const done = join(folder, 'installed.json') // written last: what was cut off is installed again
  try {
    if (!existsSync(done) || readFileSync(done, 'utf8') !== wanted) {
      writeFileSync(join(folder, 'package.json'), wanted)
      npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')
      writeFileSync(done, wanted)
    }
    for (const script of readdirSync(sources)) copyFileSync(join(sources, script), join(folder, script))
  } catch (error) {
    remove()
    throw error
  }
  return { folder, node: join(folder, 'node_modules', NODE, 'bin/node'), remove }
}

const npm = (folder: string, ...args: string[]): void => {
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`npm ${args[0]} of the peers ended with ${status}`)
}

/** Whether there is anything to install from. */
export const lacksRegistry = (): string | undefined => {
  if (process.env.BENCH_PEERS_DIR !== undefined && existsSync(join(process.env.BENCH_PEERS_DIR, 'installed.json'))) return undefined
  const { status } = spawnSync('npm', ['view', 'postgraphile@5.1.5', 'version'], { stdio: 'ignore', timeout: 30_000 })
  return status === 0 ? undefined : 'the peers come from a registry of npm, and none answers'
}
