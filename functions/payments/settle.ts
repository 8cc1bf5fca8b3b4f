import { EpochMoved, Refusal } from '../../shared/errors.ts'
import type { Job } from '../../shared/job.ts'
import type { Log } from '../../shared/observe/log.ts'
import { type Payments, perform } from './perform.ts'
import type { Operation } from './store.ts'

/**
 * Carries out what crashes left half-done: each operation that nobody carries out any more is taken over and asked of its provider
 * under its own key. One whose provider gives no answer waits for the next run; one that is too old to be asked again fails the job.
 * While a process keeps payments in its memory nothing is taken: there a request's retry goes on with its operation.
 */
export const settlePayments = (payments: Payments): Job => ({
  name: 'settle-payments',
  summary: 'Complete the payments that a crash left half-done',
  run: async scope => {
    const { ledger, log } = payments
    let settled = 0
    const take = () => ledger.take(scope).catch(whileOnTheWay)
    for (let operation = await take(); operation; operation = await take()) {
      const { organization_id } = operation
      const done = perform({ ...scope, organization_id }, operation, new Date().toISOString(), payments)
      settled += await done.then(() => 1).catch(unsettled(operation, log))
    }
    const forsaken = await ledger.forsaken(scope)
    if (forsaken > 0) throw new Error(`${forsaken} operations are too old to be asked of their provider again: settle them by hand`)
    return settled
  },
})

const whileOnTheWay = (error: unknown): undefined => {
  if (!(error instanceof EpochMoved)) throw error
}

/** What the provider refused is settled too. */
const unsettled =
  (operation: Operation, log: Log) =>
  (error: unknown): number => {
    if (error instanceof Refusal && error.code === 'conflict') return 1
    log('warning', 'an operation was not settled', { error, operation: operation.id })
    return 0
  }
