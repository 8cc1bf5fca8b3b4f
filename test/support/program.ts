import { execFile, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = new URL('../..', import.meta.url).pathname

/** A checkout of the program, built, in a folder of its own; `data` is free to be a DATA_DIR (with a space in its name, as folders have). */
export type Built = { folder: string; data: string; remove(): void }

export const buildProgram = async (): Promise<Built> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-program-'))
  for (const name of ['node_modules', 'sql']) symlinkSync(join(root, name), join(folder, name))
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  await promisify(execFile)('npm', ['run', 'build', '--silent', '--', `--outdir=${join(folder, 'dist')}`], { cwd: root })
  return { folder, data: join(folder, 'my data'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A started process: what it has printed so far, and how it ended. */
export type Program = {
  pid: number
  alive(): boolean
  /** Seconds that the processors spent on it so far: what a busy machine cannot lengthen as it does the clock's. Linux only. */
  worked(): number
  output(): string
  /** Resolves to the first match in the output; rejects with all of it once the process has ended without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts `node <args>` in `cwd` with this environment and nothing else. */
export const startProgram = (cwd: string, args: string[], env: Record<string, string>): Program => {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const watchers = new Set<() => void>()
  let output = ''
  let over = false
  const tell = () => {
    for (const watcher of watchers) watcher()
  }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
      tell()
    })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve => {
    child.once('close', (code, signal) => {
      over = true
      tell()
      resolve({ code, signal })
    })
  })
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output)
        if (match) resolve(match)
        else if (over) reject(new Error(`it ended without ${pattern}:\n${output}`))
        if (match || over) watchers.delete(look)
      }
      watchers.add(look)
      look()
    })
  return {
    pid: child.pid as number,
    alive: () => !over,
    worked: () => workedBy(child.pid as number),
    output: () => output,
    printed,
    kill: signal => void child.kill(signal),
    ended,
  }
}

const workedBy = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100 // user and system time, in hundredths
}

/** A request whose body waits: `arrived` once the server has its head and asks for more, then `finish` sends the body. */
export const slowRequest = (url: string, options: RequestOptions, body: string) => {
  const headers = {
    ...options.headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    expect: '100-continue',
  }
  const outgoing = request(url, { ...options, headers })
  const answered = answerOf(outgoing)
  const arrived = new Promise<void>((resolve, reject) => outgoing.once('continue', resolve).once('error', reject))
  outgoing.flushHeaders()
  return { arrived, finish: () => void outgoing.end(body), answered }
}

/** `body` is what the JSON says, or the text where it is none. */
export type Answered = { status: number | undefined; body: ReturnType<typeof JSON.parse> }

/** The whole answer to a request of node:http, which alone speaks to sockets and waits for a body. */
export const answerOf = (outgoing: ReturnType<typeof request>): Promise<Answered> =>
  new Promise((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response: IncomingMessage) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', part => {
          text += part
        })
        .once('error', reject)
        .once('end', () =>
          resolve({
            status: response.statusCode,
            body: response.headers['content-type']?.includes('json') ? JSON.parse(text) : text,
          }),
        )
    })
  })
