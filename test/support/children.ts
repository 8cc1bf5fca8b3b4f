import { type ChildProcess, spawn } from 'node:child_process'

/** A server in a process of its own, and where it answers. */
export type Child = {
  url: string
  pid: number
  stop(): Promise<void>
  /** Ends it at once, whatever it was doing. */
  kill(): Promise<void>
  alive(): boolean
  signal(name: NodeJS.Signals): void
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const env = (more: Record<string, string>) => ({ PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...more })

/** What this process was told of Node, for servers: `NODE_OPTIONS='--cpu-prof ...'` then says where they spend their time, and not the load. */
const told = (): Record<string, string> => (process.env.NODE_OPTIONS ? { NODE_OPTIONS: process.env.NODE_OPTIONS } : {})

const start = (argv: string[], environment: Record<string, string>, node = process.execPath): ChildProcess => {
  const child = spawn(node, argv, { env: env(environment), stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Runs a script that serves, by this Node or another, and waits until it prints its address (`http://` or `tcp://`). */
export const startChild = (argv: string[], environment: Record<string, string>, node?: string): Promise<Child> =>
  new Promise((resolve, reject) => {
    const child = start(argv, { ...told(), ...environment }, node)
    const ended = new Promise<void>(done => child.once('exit', () => done()))
    let printed = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      const url = /(?:http|tcp):\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0]
      const end = async (signal: NodeJS.Signals) => {
        child.kill(signal)
        await ended
      }
      const alive = () => child.exitCode === null && child.signalCode === null
      const signal = (name: NodeJS.Signals) => void child.kill(name)
      if (url !== undefined)
        resolve({ url, pid: child.pid as number, stop: () => end('SIGTERM'), kill: () => end('SIGKILL'), alive, signal })
    })
    child.once('exit', code => reject(new Error(`${argv.at(-1)} ended with ${code} before it served:\n${printed}`)))
  })

/** Runs a script to its end and returns what it printed. */
export const runChild = (argv: string[], environment: Record<string, string> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = start(argv, environment)
    let printed = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    child.once('close', code => (code === 0 ? resolve(printed) : reject(new Error(`${argv[0]} ended with ${code}`))))
  })
