import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { Bridge } from '../support/redis.bridge.ts'

/** What came of many processes asking for one cold key at once: loads, what the callers heard, and milliseconds until all had. */
export type Stampede = { loads: number; heard: string[]; milliseconds: number }

/** Processes of their own, each with as many callers; what is loaded takes `slow` milliseconds. `script` is child.ts, bundled. */
export const stampede = async (script: string, bridge: Bridge, processes: number, callers: number, slow: number): Promise<Stampede> => {
  let loads = 0
  const source = createServer(async (_, response) => {
    loads++
    await wait(slow)
    response.end(`loaded ${loads}`)
  })
  await new Promise<void>(resolve => source.listen(0, '127.0.0.1', resolve))
  const loadUrl = `http://127.0.0.1:${(source.address() as AddressInfo).port}`
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, [script, bridge.url, bridge.token, loadUrl, String(callers)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  })
  try {
    for (const { lines } of children) await lines.next()
    const begun = performance.now()
    for (const { child } of children) child.stdin.write('cold key')
    const heard = await Promise.all(children.map(async ({ lines }) => JSON.parse((await lines.next()).value ?? '[]') as string[]))
    return { loads, heard: [...new Set(heard.flat())], milliseconds: performance.now() - begun }
  } finally {
    for (const { child } of children) {
      if (child.exitCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    source.closeAllConnections()
    source.close()
  }
}
