import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Disk } from '../support/disk.ts'
import { isRunning } from '../support/proc.ts'
import type { Bridge } from '../support/redis.bridge.ts'
import type { RedisServer } from '../support/redis.ts'
import type { Server } from '../support/server.ts'
import type { Fault } from './fault.ts'
import type { Line } from './line.ts'
import type { Stand } from './stand.ts'

type Kind = Omit<Fault, 'times' | 'hold'>
const nothing = () => {}
const redisOf = ({ redis }: Stand) => redis as { server: RedisServer; bridge: Bridge }

const signalAll = ({ server }: Stand, name: NodeJS.Signals) => {
  for (const pid of server.pids()) process.kill(pid, name)
}

const killServer = async ({ server }: Stand) => {
  const pids = server.pids()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  while (pids.some(isRunning)) await wait(5)
}

/** A server that died of it is started again, as whoever watches over it would. */
const revive = async (server: Server) => {
  while (!(await answers(server))) if (server.pids().length === 0) await server.start()
}

const answers = async ({ url }: Server): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  client.on('error', nothing)
  return client.connect().then(
    () => client.end().then(() => true),
    () => wait(20, false),
  )
}

/** Requests that each wait for a lock until their time-out, twice as many as there are connections. */
const slowQueries = (): Kind => {
  let holder: pg.Client
  let flood: Promise<unknown>
  let over = false
  const ask = async (line: Line) => {
    while (!over) await line.ask({ method: 'GET', path: '/conversations' })
  }
  return {
    name: 'pool exhausted by slow queries',
    inflict: async ({ database }, line) => {
      over = false
      holder = new pg.Client({ connectionString: database })
      await holder.connect()
      await holder.query('begin; lock table conversations in access exclusive mode')
      flood = Promise.all(Array.from({ length: 10 }, () => ask(line)))
    },
    heal: async () => {
      over = true
      await holder.end()
      await flood
    },
  }
}

/** The faults by a short name. */
export const kinds = {
  killed: { name: 'PostgreSQL killed (-9), restarted', inflict: killServer, heal: ({ server }) => server.start() },
  paused: { name: 'PostgreSQL paused', inflict: stand => signalAll(stand, 'SIGSTOP'), heal: stand => signalAll(stand, 'SIGCONT') },
  reset: { name: 'connections reset', inflict: ({ proxy }) => proxy.reset(), heal: nothing },
  cut: { name: 'network cut, connections refused', inflict: ({ proxy }) => proxy.close(), heal: ({ proxy }) => proxy.reopen() },
  halfOpen: {
    name: 'connections half-open, new ones too',
    inflict: ({ proxy }) => {
      proxy.abandon()
      proxy.become('silent')
    },
    heal: ({ proxy }) => proxy.become('open'),
  },
  mute: {
    name: 'server takes logins, answers nothing',
    inflict: ({ proxy }) => proxy.become('mute'),
    heal: ({ proxy }) => {
      proxy.cut()
      proxy.become('open')
    },
  },
  function: { name: 'function killed (-9), restarted', inflict: stand => stand.gateway().kill(), heal: stand => stand.restart() },
  slow: slowQueries(),
  redis: {
    name: 'Redis killed, restarted empty',
    inflict: stand => redisOf(stand).server.kill(),
    heal: stand => redisOf(stand).server.revive(),
  },
  redisSilent: {
    name: 'Redis takes requests, says nothing',
    inflict: stand => redisOf(stand).bridge.become('silent'),
    heal: stand => redisOf(stand).bridge.become('open'),
  },
  clock: { name: "function's clock + 1 h, - 1 h, right", inflict: stand => stand.gateway().signal('SIGUSR2'), heal: nothing },
} satisfies Record<string, Kind>

/** Writes log until there is no room for more: the server ends itself then, and cannot recover before there is. */
const useUpLog = async ({ url }: Server) => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', nothing)
  await client.connect()
  try {
    for (;;) await client.query("select pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))")
  } catch {
    await client.end().catch(nothing)
  }
}

/** No room is left on the disk of the database's data, or on that of its log. */
export const diskFull = (part: 'data' | 'log', disk: Disk): Kind => ({
  name: `disk full (${part})`,
  inflict: async ({ server }) => {
    disk.fill()
    if (part === 'log') await useUpLog(server)
  },
  heal: async ({ server }) => {
    disk.free()
    await revive(server)
  },
})

/** Why no clock of a database is moved. */
export const noDatabaseClock = 'date -s would move the clock of everybody here, and no libfaketime is installed'
