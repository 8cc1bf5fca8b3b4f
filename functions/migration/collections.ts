import type { Collection } from '../../shared/db/legacy.ts'
import { agents, counters } from '../agents/legacy.ts'
import { events, metrics } from '../analytics/legacy.ts'
import { conversations } from '../conversations/legacy.ts'
import { database, tables } from '../database/legacy.ts'
import { embeddingsCache } from '../knowledge/legacy.ts'
import { paymentIntents, transactions } from '../payments/legacy.ts'

/** Every dictionary that can be moved. */
export const collections: readonly Collection[] = [
  agents,
  counters,
  conversations,
  tables,
  database,
  events,
  metrics,
  paymentIntents,
  transactions,
  embeddingsCache,
]
