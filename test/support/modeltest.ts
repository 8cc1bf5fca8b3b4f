import { test } from 'vitest'
import { noModel } from './model.ts'

/** A test with the local model. */
export const modelTest = (name: string, work: () => Promise<void>): void =>
  noModel ? test.skipIf(true)(`${name} (skipped: ${noModel})`) : test(name, work)
