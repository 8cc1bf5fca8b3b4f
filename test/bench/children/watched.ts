/**
 * What `npm start` runs, which every few seconds collects its garbage and writes down in MEMORY_FILE, as a line of JSON, what is left (bytes).
 * `--heapsnapshot-signal=SIGUSR2` by NODE_OPTIONS shows what it is.
 */
import { appendFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import '../../../functions/start.ts'

const PAUSE_MS = 5_000

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

setInterval(() => {
  collect()
  const { rss, heapUsed, external } = process.memoryUsage()
  appendFileSync(process.env.MEMORY_FILE as string, `${JSON.stringify({ at: performance.now(), rss, heapUsed, external })}\n`)
}, PAUSE_MS).unref()
