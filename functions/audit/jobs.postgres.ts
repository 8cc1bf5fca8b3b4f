import type { Database } from '../../shared/db/database.ts'
import type { Part } from '../../shared/job.ts'

/** This month's partition and those of the next twelve: what a month without this job would write goes to the default one. */
export const auditPartitions = (db: Database): Part => ({
  name: 'partitions of audit_events',
  run: async scope => {
    const text = "select make_month_partitions('audit_events', now(), 13)"
    const [row] = await db.write(scope, { name: 'audit.partitions', text, values: [] })
    return Number(row?.[0])
  },
})
