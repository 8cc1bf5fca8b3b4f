import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Agent } from './schema.ts'
import type { AgentStore } from './store.ts'

/** An agent as it is kept: with what an import left in `extra`, and `unconfigured` where it has no configuration, not even null. */
type Kept = Omit<Agent, 'version'> & { extra?: unknown; unconfigured: boolean }
export type AgentTable = Table<Kept, Agent>

export const agentTable = (): AgentTable =>
  makeTable({
    render: ({ extra: _, unconfigured: __, ...agent }, version) => ({ ...agent, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

/** Agents in this process: what the dictionary did. */
export const memoryAgents = (table: AgentTable = agentTable()): AgentStore => ({
  get: async (scope, id) => table.get(scope.organization_id, id),
  list: async (scope, slice, { status, industry, q }) =>
    table.list(
      scope.organization_id,
      slice,
      agent =>
        (status === undefined || agent.status === status) &&
        (industry === undefined || agent.industry === industry) &&
        (q === undefined || agent.name.toLowerCase().includes(q.toLowerCase())),
    ),
  create: async ({ organization_id }, { at, configuration, ...agent }) => {
    const settings = { configuration: configuration ?? null, unconfigured: configuration === undefined }
    return table.create(organization_id, agent.id, { ...agent, ...settings, organization_id, created_at: at, updated_at: at })
  },
  update: async (scope, id, patch, at, ifMatch) => {
    const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
    const settings = 'configuration' in given ? { unconfigured: false } : {}
    return table.put(scope.organization_id, id, agent => agent && { ...agent, ...given, ...settings, updated_at: at }, ifMatch)
  },
  remove: async (scope, id, at, ifMatch) => table.remove(scope.organization_id, id, agent => ({ ...agent, updated_at: at }), ifMatch),
})
