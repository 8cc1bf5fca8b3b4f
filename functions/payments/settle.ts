import { Refusal } from '../../shared/errors.ts'
import type { Job } from '../../shared/job.ts'
import { type Payments, perform } from './perform.ts'

/**
 * Carries out what crashes left half-done: each operation that nobody carries out any more is taken over and asked of its provider
 * under its own key. One whose provider gives no answer waits for the next run; one that is too old to be asked again fails the job.
 */
export const settlePayments = (payments: Payments): Job => ({
  name: 'settle-payments',
  summary: 'Complete the payments that a crash left half-done',
  run: async scope => {
    const { ledger, log } = payments
    let settled = 0
    for (let operation = await ledger.take(scope); operation; operation = await ledger.take(scope)) {
      const { organization_id, id } = operation
      const at = new Date().toISOString()
      try {
        await perform({ ...scope, organization_id }, operation, at, payments)
        settled++
      } catch (error) {
        if (error instanceof Refusal && error.code === 'conflict') settled++
        else log('warning', 'an operation was not settled', { error, operation: id })
      }
    }
    const forsaken = await ledger.forsaken(scope)
    if (forsaken > 0) throw new Error(`${forsaken} operations are too old to be asked of their provider again: settle them by hand`)
    return settled
  },
})
