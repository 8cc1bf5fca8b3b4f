import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './server.ts'

/** Where a redis-server may be: what TEST_REDIS_SERVER says (a command), the PATH, a root folder beside ours. */
const candidates = [process.env.TEST_REDIS_SERVER?.split(' ') ?? [], ['redis-server'], ['chroot', '/opt/pg17', 'redis-server']]

const runs = ([program, ...args]: string[]): boolean => {
  try {
    if (program) execFileSync(program, [...args, '--version'], { stdio: 'ignore' })
    return program !== undefined
  } catch {
    return false
  }
}

const command = candidates.find(runs)

/** What is missing where there is none. */
export const noRedis = command ? undefined : 'install a redis-server, or name one in TEST_REDIS_SERVER'

/** A redis-server of our own, in memory alone. */
export type RedisServer = {
  port: number
  /** Ends it at once: what it held is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  revive(): Promise<void>
}

const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false)).once('connect', () => socket.end(() => resolve(true)))
  })

export const startRedis = async (): Promise<RedisServer> => {
  if (noRedis) throw new Error(noRedis)
  const [program, ...args] = command as [string, ...string[]]
  const port = await freePort()
  const start = async () => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp']
    const child = spawn(program, [...args, ...settings], { stdio: 'ignore' })
    const end = () => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', () => process.off('exit', end))
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
      await wait(10)
    }
    return child
  }
  let child = await start()
  return {
    port,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
    revive: async () => {
      child = await start()
    },
  }
}
