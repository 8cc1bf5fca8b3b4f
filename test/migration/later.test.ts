import { expect, test } from 'vitest'
import { ADMIN_KEY, makeTestDatabase, shareTest } from '../support/database.ts'
import { startQuick } from '../support/quick.ts'

test('the gateway takes a step of a memory whose function nobody has asked for yet, and loads no function before it is asked for', async () => {
  const database = await makeTestDatabase({ MIGRATION_INITIAL_STAGE: 'off' })
  const shared = await shareTest(database, [])
  const gateway = await startQuick(shared)
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
    const answer = await gateway.send({ method, path, headers }, body && JSON.stringify(body))
    return { status: answer?.status, body: JSON.parse(answer?.text ?? '') }
  }
  try {
    await call('GET', '/health/ready')
    await call('GET', '/agents/openapi.json')
    expect([...shared.collections.keys()].sort()).toEqual(['agents', 'counters'])
    const step = async () => {
      const { body } = await call('GET', '/migration/collections/conversations')
      return call('POST', '/migration/collections/conversations/stage', { stage: 'dualwrite', expected_epoch: body.epoch })
    }
    expect((await step()).status).toBe(409) // whoever takes a memory begins an epoch
    const { status, body } = await step()
    expect([status, body]).toEqual([200, expect.objectContaining({ name: 'conversations', stage: 'dualwrite' })])
  } finally {
    await gateway.stop()
    await shared.close()
    await database.drop()
  }
})
