import { makeTable, type NextVersion } from '../../shared/memory.ts'
import type { Agent } from './schema.ts'
import type { AgentStore } from './store.ts'

type Kept = Omit<Agent, 'version'>

/** Agents in this process: what the dictionary did. */
export const memoryAgents = (nextVersion: NextVersion): AgentStore => {
  const table = makeTable<Kept, Agent>(nextVersion, (agent, version) => ({ ...agent, version: Number(version) }))
  return {
    get: async (scope, id) => table.get(scope.organization_id, id),
    list: async (scope, slice, { status, industry, q }) =>
      table.list(
        scope.organization_id,
        slice,
        ({ created_at, id }) => [created_at, id],
        'down',
        agent =>
          (status === undefined || agent.status === status) &&
          (industry === undefined || agent.industry === industry) &&
          (q === undefined || agent.name.toLowerCase().includes(q.toLowerCase())),
      ),
    create: async (scope, { at, configuration = null, ...agent }) =>
      table.create(scope.organization_id, agent.id, {
        ...agent,
        configuration,
        organization_id: scope.organization_id,
        created_at: at,
        updated_at: at,
      }),
    update: async (scope, id, patch, at, ifMatch) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      return table.put(scope.organization_id, id, agent => agent && { ...agent, ...given, updated_at: at }, ifMatch)
    },
    remove: async (scope, id, at, ifMatch) => table.remove(scope.organization_id, id, agent => ({ ...agent, updated_at: at }), ifMatch),
  }
}
