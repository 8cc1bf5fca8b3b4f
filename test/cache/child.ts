/**
 * One process of several that ask for the same cold key at once: told to go by a line, it asks CALLERS times, and prints what they
 * heard and how often it loaded. A load asks LOAD_URL.
 */
import { once } from 'node:events'
import { text } from '../../shared/cache/codecs.ts'
import { openRedis } from '../../shared/cache/redis.ts'
import { makeCache } from '../../shared/cache/tiers.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'

const [url, token, loadUrl, callers] = process.argv.slice(2) as [string, string, string, string]
const metrics = makeMetrics()
const redis = await openRedis({ url, token }, 'admin key', makeLog('silent', undefined), metrics, { short: 20_000, long: 20_000 })
const cache = makeCache(redis, metrics, { name: 'stampede', codec: text, seconds: 60, bytes: 2 ** 20 })
process.stdout.write('ready\n')
const [key] = await once(process.stdin.setEncoding('utf8'), 'data')
const load = async () => ({ version: '1', value: await (await fetch(loadUrl)).text() })
const heard = await Promise.all(Array.from({ length: Number(callers) }, () => cache.get(key, '1', load)))
process.stdout.write(`${JSON.stringify([...new Set(heard)])}\n`)
process.exit(0)
