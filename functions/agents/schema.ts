import { z } from 'zod'
import { Id, JsonValue, recordFields } from '../../shared/shapes.ts'

export const AgentStatus = z.enum(['active', 'paused', 'archived'])

const fields = {
  name: z.string().min(1).max(255),
  industry: z.string().max(100).nullable(),
  description: z.string().nullable(),
  /** Replaced whole; null, absent and {} differ. */
  configuration: JsonValue,
  status: AgentStatus,
}

export const Agent = z.object({ ...recordFields, ...fields })
export type Agent = z.infer<typeof Agent>

export const AgentCreate = z.strictObject({
  id: Id.optional(),
  name: fields.name,
  industry: fields.industry.optional(),
  description: fields.description.optional(),
  configuration: fields.configuration.optional(),
  status: fields.status.optional(),
})

export const AgentPatch = z.strictObject(fields).partial()
export type AgentPatch = z.infer<typeof AgentPatch>

export const AgentFilter = z.strictObject({ status: AgentStatus, industry: z.string(), q: z.string().min(1).max(200) }).partial()
export type AgentFilter = z.infer<typeof AgentFilter>
