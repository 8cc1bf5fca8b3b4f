import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'

const framework = join(createRequire(import.meta.url).resolve('@google-cloud/functions-framework'), '../main.js')

/** A function that the cloud's way of starting it has begun to start. */
export type Deployed = {
  url: string
  /** Asks until it answers 200, from a new connection each time nobody listens yet: milliseconds since the process was started. */
  answered(path: string, headers?: Record<string, string>): Promise<number>
  /** Milliseconds of CPU that its threads have used (Linux): what of a start is its own, whatever else the machine does. */
  worked(): number
  /** The most memory that it has held, MB (Linux). */
  peak(): number
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts what lies in `folder` as `functions-framework --target` does where it is deployed. */
export const startDeployed = async (folder: string, target: string, environment: Record<string, string>): Promise<Deployed> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const start = performance.now()
  const child = spawn(process.execPath, [framework, `--source=${folder}`, `--target=${target}`, `--port=${port}`], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', FUNCTION_TARGET: target, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  running.add(child)
  const ended = new Promise<void>(done => child.once('exit', () => done()))
  return {
    url,
    answered: async (path, headers = {}) => {
      for (;;) {
        const status = await ask(url + path, headers)
        if (status === 200) return performance.now() - start
        if (status !== undefined) throw new Error(`${target} answers ${path} with ${status}`)
        if (child.exitCode !== null) throw new Error(`${target} ended with ${child.exitCode} before it answered`)
        await new Promise(resolve => setTimeout(resolve, 2))
      }
    },
    worked: () => {
      const threads = readdirSync(`/proc/${child.pid}/task`)
      const nanoseconds = threads.map(thread => Number(readFileSync(`/proc/${child.pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
      return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6
    },
    peak: () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      running.delete(child)
    },
  }
}

/** The status of an answer that has been read whole; undefined while nobody listens. */
const ask = (url: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise(resolve => {
    const asked = get(url, { headers, agent: false }, response => response.resume().once('end', () => resolve(response.statusCode)))
    asked.once('error', () => resolve(undefined))
  })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
