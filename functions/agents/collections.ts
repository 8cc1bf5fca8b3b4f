import type { Copies } from '../../shared/cache/copies.ts'
import type { Collection } from '../../shared/migration/staged.ts'
import { counterTable, memoryCounters } from './counters.memory.ts'
import { postgresCounters } from './counters.postgres.ts'
import { agentTable, memoryAgents } from './memory.ts'
import { postgresAgents } from './postgres.ts'
import { agentReplica, counterReplica } from './replica.postgres.ts'
import { type AgentStore, agentMethods, type CounterStore, counterMethods } from './store.ts'

/** Agents as they were and as they are. */
export const agentCollection = (copies: Copies<string>): Collection<AgentStore> => {
  const table = agentTable()
  return {
    name: 'agents',
    memory: memoryAgents(table),
    replica: table.replica,
    postgres: db => postgresAgents(db, copies),
    sql: agentReplica,
    methods: agentMethods,
    fallback: true,
  }
}

/** Counters as they were and as they are. */
export const counterCollection = (): Collection<CounterStore> => {
  const table = counterTable()
  return {
    name: 'counters',
    memory: memoryCounters(table),
    replica: table.replica,
    postgres: postgresCounters,
    sql: counterReplica,
    methods: counterMethods,
    fallback: true,
  }
}
