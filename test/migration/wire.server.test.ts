import { afterEach, expect, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { runBehindProxy } from '../support/behind.ts'

let app: Awaited<ReturnType<typeof runBehindProxy>>
afterEach(() => app.stop())

/** What each write sends to Postgres once its statements are prepared and the stage is known. */
const sentIn = async (stage: Stage) => {
  app = await runBehindProxy({ DB_POOL_SIZE: '1', MIGRATION_INITIAL_STAGE: stage })
  const { call } = await app.organization()
  const agent = (await call('POST', '/agents', { name: 'Agent' })).body.id
  const conversation = (await call('POST', '/conversations', { agent_id: agent })).body.id
  const requests: [string, string, unknown][] = [
    ['GET', `/agents/${agent}`, undefined],
    ['PATCH', `/agents/${agent}`, { description: 'Changed' }],
    ['POST', '/agents/counters/c/increment', { by: 1 }],
    ['POST', `/conversations/${conversation}/messages`, { role: 'user', content: 'Hello' }],
  ]
  for (const request of requests) await call(...request)
  const sent: number[][] = []
  for (const request of requests) {
    await app.proxy.take()
    expect((await call(...request)).status).toBeLessThan(300)
    const { flushes, client, server } = await app.proxy.take()
    sent.push([flushes, server.Z ?? 0, client.P ?? 0, client.E ?? 0])
  }
  return sent
}

/** One trip, one answer, nothing prepared anew, and so many statements. */
const trip = (statements: number) => [1, 1, 0, statements]

test('in complete a request sends its scope and its statement in one trip, and nothing else: as if there were no stages', async () => {
  expect(await sentIn('complete')).toEqual([trip(2), trip(2), trip(2), trip(2)])
})

test('in dualwrite a read sends its scope alone, and a write takes the check of its epoch along, and its entry where its own answer has none', async () => {
  expect(await sentIn('dualwrite')).toEqual([trip(1), trip(2), trip(2), trip(3)])
})

test('in live a read takes its entry along, in its one trip', async () => {
  expect(await sentIn('live')).toEqual([trip(3), trip(2), trip(2), trip(3)])
})

test('in rampdown a write takes the check of its epoch along, and a read nothing', async () => {
  expect(await sentIn('rampdown')).toEqual([trip(2), trip(2), trip(2), trip(2)])
})
