import { afterEach, expect, test, vi } from 'vitest'
import { spaced } from '../../shared/db/renew.ts'

afterEach(() => void vi.useRealTimers())

const spacedAt = () => {
  let now = 0
  let done = 0
  const { run, helped } = spaced(
    async () => void done++,
    () => now,
  )
  return {
    helped,
    done: () => done,
    at: (seconds: number) => {
      now = seconds * 1000
      return run()
    },
  }
}

test('what does not help is tried again after 1, 2, and then every 5 seconds', async () => {
  const { at, done } = spacedAt()
  const tried: number[] = []
  for (let tenth = 0; tenth <= 200; tenth++) if (await at(tenth / 10)) tried.push(tenth / 10)
  expect(tried).toEqual([0, 1, 3, 7, 12, 17])
  expect(done()).toBe(tried.length)
})

test('after something that helped, the next trouble need not wait', async () => {
  const { at, helped } = spacedAt()
  expect([await at(0), await at(0.5)]).toEqual([true, false])
  helped()
  expect([await at(0.5), await at(1)]).toEqual([true, false])
})

test('callers at the same time share one try', async () => {
  const { at, done } = spacedAt()
  expect(await Promise.all([at(0), at(0), at(0)])).toEqual([true, true, true])
  expect(done()).toBe(1)
})

test('a clock that is set back an hour makes nobody wait for an hour', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  const { run } = spaced(async () => {})
  expect(await run()).toBe(true)
  vi.setSystemTime(Date.now() - 3_600_000)
  expect(await run()).toBe(false)
  vi.advanceTimersByTime(1001)
  expect(await run()).toBe(true)
})
