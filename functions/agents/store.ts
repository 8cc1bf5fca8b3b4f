import type { Scope } from '../../shared/db/scope.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Counter } from './counters.schema.ts'
import type { Agent, AgentFilter, AgentPatch } from './schema.ts'

/** A new agent. Without `configuration` it has none, which is neither null nor {}. Times are ISO 8601. */
export type NewAgent = {
  id: string
  name: string
  industry: string | null
  description: string | null
  configuration?: Json | undefined
  status: Agent['status']
  at: string
}

/** Agents. Throws version_mismatch when `ifMatch` is not the record's version. */
export type AgentStore = {
  get(scope: Scope, id: string): Promise<Row<Agent> | undefined>
  /** Newest first; `q` is a part of the name, upper and lower case alike. */
  list(scope: Scope, slice: Slice, filter: AgentFilter): Promise<Page<Agent>>
  /** Undefined when the id is taken. */
  create(scope: Scope, agent: NewAgent): Promise<Row<Agent> | undefined>
  update(scope: Scope, id: string, patch: AgentPatch, at: string, ifMatch: string | undefined): Promise<Row<Agent> | undefined>
  /** The tombstone of what was removed. */
  remove(scope: Scope, id: string, at: string, ifMatch: string | undefined): Promise<Row<Agent> | undefined>
}

/** Counters: exact decimals that move by intent, never by value. */
export type CounterStore = {
  get(scope: Scope, name: string): Promise<Row<Counter> | undefined>
  /** By name. */
  list(scope: Scope, slice: Slice): Promise<Page<Counter>>
  /** Adds `by` (decimal text), and makes the counter from 0 where there is none. */
  increment(scope: Scope, name: string, by: string, at: string): Promise<Row<Counter>>
}

const itself = (id: string): string => id

export const agentMethods: Methods<AgentStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  create: { kind: 'write', key: (agent: NewAgent) => agent.id },
  update: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
}

export const counterMethods: Methods<CounterStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  increment: { kind: 'write', key: itself },
}
