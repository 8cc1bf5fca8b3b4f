import { examples, type Made } from './examples.ts'
import { chances, sampleOf } from './fuzz.ts'
import type { Operation } from './operations.ts'
import type { Sent } from './raw.ts'

/** Ids that nobody has. */
export const NOBODY = new Proxy({} as Made, { get: () => 'nobody' })

/** What the platform's routes take, where a sample of their schema would not do. */
const platforms: Record<string, unknown> = {
  'post /organizations': { name: 'Another' },
  'post /migration/collections/:name/stage': { stage: 'off', expected_epoch: 1 },
}

/** A request that an operation takes, without a credential: of a tenant's route its example for `made`, else a sample. */
export const requestFor = ({ name, method, path, role, body }: Operation, made: Made = NOBODY): Sent => {
  const example = examples[name]?.(made)
  if (!example && role !== 'platform' && role !== 'public') throw new Error(`test/support/examples.ts has no example of ${name}`)
  const sent = example?.body ?? platforms[name] ?? (body && sampleOf(body, chances(1), 0))
  const json: Record<string, string> = sent === undefined ? {} : { 'content-type': 'application/json' }
  return {
    method,
    path: example?.path ?? path.replace(/\{\w+\}/g, 'nobody'),
    headers: { ...json, ...example?.headers },
    body: sent === undefined ? undefined : JSON.stringify(sent),
  }
}
