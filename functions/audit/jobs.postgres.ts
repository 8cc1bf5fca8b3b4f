import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Part } from '../../shared/job.ts'

/**
 * This month's partition and those of the next twelve. Events of a month that had none lie in the default partition: that fails the
 * job, for such a month cannot be made any more until somebody has moved them.
 */
export const auditPartitions = (db: Database): Part => ({
  name: 'partitions of audit_events',
  run: async scope => {
    const text = "select make_month_partitions('audit_events', now(), 13), audit_events_astray()"
    const [row] = await db.write(scope, { name: 'audit.partitions', text, values: [] })
    const [made, astray] = row as Columns
    if (astray === 't') throw new Error('events lie in the default partition')
    return Number(made)
  },
})
