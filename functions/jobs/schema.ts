import { z } from 'zod'
import { Time } from '../../shared/shapes.ts'

export const JobRun = z.object({
  id: z.string(),
  name: z.string(),
  started_at: Time,
  finished_at: Time.nullable(),
  /** `lost`: nobody is at it any more, and nobody could say so; it has failed as soon as its job begins again. */
  outcome: z.enum(['running', 'succeeded', 'failed', 'lost']),
  /** How many rows it worked on. */
  rows: z.number().int(),
  error: z.string().nullable(),
})
export type JobRun = z.infer<typeof JobRun>

export const RunFilter = z.strictObject({ name: z.string(), outcome: JobRun.shape.outcome }).partial()
export type RunFilter = z.infer<typeof RunFilter>
