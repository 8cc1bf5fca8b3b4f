import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '1' })
})
afterAll(() => app.stop())

const agents = () => {
  const staged = app.shared.collections.get('agents')
  if (!staged) throw new Error('no collection agents')
  return staged
}

const step = async (to: Stage) => {
  const { keeper } = agents()
  return keeper.change(to, (await keeper.enter()).row.epoch)
}

test('the six stages forward and back keep every agent', async () => {
  const { call } = await app.organization()
  const names: string[] = []
  const create = async (name: string) => {
    const { status, text } = await call('POST', '/agents', { id: name, name })
    expect([status, text]).toEqual([201, expect.any(String)])
    names.push(name)
  }
  const seen = async () => {
    const { body } = await call('GET', '/agents?limit=200')
    return body.items.map((agent: { name: string }) => agent.name).sort()
  }
  const rows = async () =>
    (await app.database.sql<{ id: string }>('select id from agents where deleted_at is null')).map(({ id }) => id).sort()

  await create('made-off')
  await create('gone-off')
  expect((await call('DELETE', '/agents/gone-off')).status).toBe(204)
  names.splice(names.indexOf('gone-off'), 1)
  expect(await rows()).toEqual([])

  for (const stage of ['dualwrite', 'shadow'] as const) {
    expect((await step(stage)).stage).toBe(stage)
    await create(`made-${stage}`)
    expect(await seen()).toEqual([...names].sort())
    expect(await rows()).toEqual([...names].sort())
  }
  await expect(step('live')).rejects.toMatchObject({ code: 'conflict' })
  for (const stage of ['live', 'rampdown'] as const) {
    expect(await agents().verify()).toMatchObject({ equal: true, differences: [] })
    expect((await step(stage)).stage).toBe(stage)
    await create(`made-${stage}`)
    expect(await seen()).toEqual([...names].sort())
  }
  await step('complete')
  await create('made-complete')
  await step('rampdown')
  await expect(step('live')).rejects.toMatchObject({ code: 'conflict', retryAfter: expect.any(Number) })
  await expect
    .poll(
      () =>
        step('live').then(
          ({ stage }) => stage,
          () => 'not yet',
        ),
      { timeout: 20_000, interval: 300 },
    )
    .toBe('live')
  expect(await seen()).toEqual([...names].sort())
  for (const stage of ['shadow', 'dualwrite', 'off'] as const) {
    expect((await step(stage)).stage).toBe(stage)
    await create(`back-${stage}`)
    expect(await seen()).toEqual([...names].sort())
  }
  await step('dualwrite')
  expect(await rows()).toEqual([...names].sort())
  expect(await agents().verify()).toMatchObject({ equal: true })
})
