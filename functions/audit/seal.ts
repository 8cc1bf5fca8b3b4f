import type { Job } from '../../shared/job.ts'
import type { Log } from '../../shared/observe/log.ts'
import type { Heads } from './heads.ts'
import type { SealStore } from './store.ts'

/**
 * Seals every organization's events in blocks, and writes the heads of the new blocks down outside: in the log, and where heads are
 * kept. A head that could not be kept is kept by the next run.
 */
export const sealAudit = (seals: SealStore, heads: Heads, log: Log): Job => ({
  name: 'seal-audit',
  summary: 'Seal the audit in blocks of hashes, whose heads are kept outside of the database',
  run: async scope => {
    const upto = await seals.settled(scope)
    let sum = 0
    for (let beyond: string | undefined = ''; beyond !== undefined; ) {
      const { sealed, reached } = await seals.seal(scope, beyond, upto)
      sum += sealed
      beyond = reached
    }
    for (let left = await seals.unanchored(scope); left.length > 0; left = await seals.unanchored(scope))
      for (const head of left) {
        const last = head.blocks.at(-1)
        log('info', 'audit head', {
          organization: head.organization_id,
          total: head.total,
          block: last?.id,
          event: last?.last_id,
          hash: last?.hash,
        })
        await heads.keep(head)
        await seals.anchored(scope, head)
      }
    return sum
  },
})
