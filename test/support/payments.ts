import { expect } from 'vitest'
import { newId } from '../../shared/id.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import type { Staged } from '../../shared/migration/staged.ts'
import type { Answer, Call, Running } from './http.ts'

/** The two collections of payments in a running gateway. */
export type Purse = { payment_intents: Staged<object>; transactions: Staged<object> }

export const purseOf = ({ shared: { collections } }: Running): Purse => {
  const named = (name: keyof Purse) => {
    const staged = collections.get(name)
    if (!staged) throw new Error(`no collection ${name}`)
    return staged
  }
  return { payment_intents: named('payment_intents'), transactions: named('transactions') }
}

/** Takes a step as its holder does, on the epoch of the moment. */
export const step = async ({ keeper }: Staged<object>, to: Stage): Promise<void> => {
  expect((await keeper.change(to, (await keeper.enter()).row.epoch)).stage).toBe(to)
}

/** A POST that moves money, under a key of its own unless one is given. */
export const post = (call: Call, path: string, body: object = {}, key = newId('key')): Promise<Answer> =>
  call('POST', `/payments/intents${path}`, body, { 'idempotency-key': key })
