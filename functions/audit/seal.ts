import type { Scope } from '../../shared/db/scope.ts'
import type { Job } from '../../shared/job.ts'
import type { Log } from '../../shared/observe/log.ts'
import { type Heads, lastOf } from './heads.ts'
import type { SealStore } from './store.ts'

/** What of a block's number comes before it: '000000000004' of '000000000005'. */
const before = (id: string): string => String(Number(id) - 1).padStart(12, '0')

/**
 * Seals every organization's events in blocks, and writes the heads of the new blocks down outside: in the log, and where heads are
 * kept. A head that could not be kept is kept by the next run. Nothing is kept of an organization whose chain is not as its newest
 * head tells it: a fresh head would hide that. The other organizations go on, and the run fails.
 */
export const sealAudit = (seals: SealStore, heads: Heads, log: Log): Job => {
  const sealed = async (scope: Scope): Promise<number> => {
    const upto = await seals.settled(scope)
    let sum = 0
    for (let beyond: string | undefined = ''; beyond !== undefined; ) {
      const { sealed, reached } = await seals.seal(scope, beyond, upto)
      sum += sealed
      beyond = reached
    }
    return sum
  }

  /**
   * Keeps what follows the newest head (its hash covers every block before it), or where there is none the first block that is not
   * noted as kept. False when the chain is another than that head's.
   */
  const kept = async (scope: Scope, organization: string, first: string): Promise<boolean> => {
    const newest = await heads.newest(organization, first)
    const { hash, head } = await seals.following(scope, organization, newest?.id ?? before(first))
    if (newest && newest.hash !== hash) {
      log('error', 'the audit is not what was kept of it outside', { organization, block: newest.id, hash, kept: newest.hash })
      return false
    }
    if (head) {
      const { id, last_id, hash } = lastOf(head)
      log('info', 'audit head', { organization, total: head.total, block: id, event: last_id, hash })
      await heads.keep(head)
    }
    await seals.anchored(scope, organization, head ? lastOf(head).id : (newest?.id ?? ''))
    return true
  }

  return {
    name: 'seal-audit',
    summary: 'Seal the audit in blocks of hashes, whose heads are kept outside of the database',
    run: async scope => {
      const sum = await sealed(scope)
      const others: string[] = []
      for (let left = await seals.unanchored(scope, others); left.length > 0; left = await seals.unanchored(scope, others))
        for (const { organization_id, id } of left) if (!(await kept(scope, organization_id, id))) others.push(organization_id)
      if (others.length > 0) throw new Error(`the audit is not what was kept of it outside: ${others.join(', ')}`)
      return sum
    },
  }
}
