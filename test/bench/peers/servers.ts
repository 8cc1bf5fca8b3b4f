import { join } from 'node:path'
import { type Child, startChild } from '../../support/children.ts'
import { onServer } from '../../support/global.ts'
import { environmentOf, type Ground, gateway, outdir } from '../ground.ts'
import { send } from './check.ts'
import { express } from './express.ts'
import type { Installed } from './install.ts'
import { ours, table } from './ours.ts'
import { parse } from './parse.ts'
import { type Asks, bearer, type Keys, type Peer } from './peer.ts'
import { postgraphile } from './postgraphile.ts'
import { fill, fillParse, organizations, READER, WRITER } from './rows.ts'

/** `parse` is the URL of Parse's own database; `pool`, how many connections each server has. */
export type Setting = { installed: Installed; parse: string; pool: number }

/** A server that runs, and how many rows its creations (`create` or `bulk`) have made so far. */
export type Running = { name: string; url: string; asks: Asks; isolates: boolean; written(bulk: boolean): Promise<number> }

/** Starts servers by the peers' Node, and stops them all. */
export const startedBy = ({ installed }: Setting) => {
  const children: Child[] = []
  return {
    start: async (script: string, environment: Record<string, string>): Promise<Child> => {
      const child = await startChild(['--enable-source-maps', script], environment, installed.node)
      children.push(child)
      return child
    },
    stop: async () => {
      for (const child of children) await child.stop()
    },
  }
}
export type Start = ReturnType<typeof startedBy>['start']

const bundled = (script: string) => `${outdir}/${script}.js`
const environment = (database: string, pool: number) => ({ ...environmentOf(database), DB_POOL_SIZE: String(pool) })
const peerEnvironment = (peer: Peer, { installed, pool }: Setting, database: string) =>
  peer.environment({ database, pool, folder: installed.folder })

/** Makes the organizations, the table of ours and the class of Parse, and the same rows in both. */
export const prepare = async (ground: Ground, setting: Setting, start: Start): Promise<Keys> => {
  const gate = await start(bundled(gateway), environment(ground.database, setting.pool))
  const peer = parse()
  await start(join(setting.installed.folder, peer.script), peerEnvironment(peer, setting, setting.parse))
  const keys = new Map<string, string>()
  for (const id of [...organizations, WRITER]) keys.set(id, (await ground.organization(gate, id)).key)
  const [reader, writer] = [keys.get(READER) as string, keys.get(WRITER) as string]
  await send(gate.url, { method: 'PUT', path: '/database/tables/agents', headers: bearer(writer), body: JSON.stringify(table) })
  await ground.sql(fill)
  await ground.sql('vacuum analyze agents')
  await onServer(setting.parse, async client => {
    for (const work of [...fillParse, 'vacuum analyze "Agent"']) await client.query(work)
  })
  return { reader, writer }
}

const counting = (database: string, of: string) => () =>
  onServer(database, async client => Number((await client.query<{ n: string }>(`select count(*) as n from ${of}`)).rows[0]?.n))

/** Starts ours and its peers, whose databases are reached by `through(url)`. */
export const startAll = async (
  ground: Ground,
  setting: Setting,
  keys: Keys,
  run: string,
  through: (url: string) => string,
  start: Start,
): Promise<Running[]> => {
  const inAgents = counting(ground.database, `agents where organization_id = '${WRITER}'`)
  const inRecords = counting(ground.database, 'data_records')
  const inParse = counting(setting.parse, `"Agent" where organization_id = '${WRITER}'`)
  const gate = await start(bundled(gateway), environment(through(ground.database), setting.pool))
  const us: Running = { name: 'ours', url: gate.url, asks: ours(keys), isolates: true, written: bulk => (bulk ? inRecords() : inAgents()) }
  const startPeer = async (peer: Peer, database: string, written: () => Promise<number>): Promise<Running> => {
    const { url } = await start(join(setting.installed.folder, peer.script), peerEnvironment(peer, setting, through(database)))
    return { name: peer.name, url, asks: peer.asks, isolates: peer.isolates, written }
  }
  return [
    us,
    await startPeer(express(keys), ground.database, inAgents),
    await startPeer(postgraphile(keys, run), ground.database, inAgents),
    await startPeer(parse(), setting.parse, inParse),
  ]
}

/** functions-framework answering an agent that never changes. */
export const startConstant = async (start: Start, body: string): Promise<string> =>
  (await start(bundled('test/bench/children/constant'), { BODY: body })).url

/** The URL of a database by way of a proxy that holds what passes for 1 ms, each way. */
export const startDelay = async (start: Start, database: string): Promise<(url: string) => string> => {
  const proxy = await start(bundled('test/support/delay'), { TARGET: new URL(database).host, DELAY_MS: '1', BACK_MS: '1' })
  return url => Object.assign(new URL(url), { host: new URL(proxy.url).host }).href
}
