import { z } from 'zod'
import { stages } from '../../shared/migration/stage.ts'
import { JsonValue, Time } from '../../shared/shapes.ts'

const StageName = z.enum(stages)
const Latency = z.object({ count: z.number().int(), p50: z.number().nullable(), p99: z.number().nullable() })

/** Where a collection stands; what its mirror saw in this process since it began there (latencies in milliseconds). */
export const CollectionState = z.object({
  name: z.string(),
  stage: StageName,
  epoch: z.number().int(),
  changed_at: Time,
  /** Whether a whole comparison of this stage found no difference: what the next stage may ask for. */
  clean_pass: z.boolean(),
  /** The process that holds the memory, and until when. */
  holder: z.object({ instance: z.string(), expires_at: Time }).nullable(),
  /** The last whole comparison (`differences`: the first 1,000 places); not finished while it runs, or when its process died. */
  verification: z
    .object({
      started_at: Time,
      finished_at: Time.nullable(),
      equal: z.boolean(),
      compared: z.number().int(),
      differences: z.number().int(),
      repaired: z.number().int(),
    })
    .nullable(),
  measured: z
    .object({
      compared: z.number().int(),
      agreed: z.number().int(),
      agreement: z.number().nullable(),
      fallbacks: z.number().int(),
      errors: z.number().int(),
      memory: Latency,
      postgres: Latency,
    })
    .nullable(),
})
export type CollectionState = z.infer<typeof CollectionState>

export const CollectionStates = z.object({ items: z.array(CollectionState), next_cursor: z.null() })

export const CollectionRef = z.strictObject({ name: z.string().min(1).max(200) })
export const StageChange = z.strictObject({ stage: StageName, expected_epoch: z.number().int().min(1) })

export const Verified = z.object({
  equal: z.boolean(),
  compared: z.number().int(),
  /** The first 1,000; memory took Postgres's word in each. */
  differences: z.array(
    z.object({
      organization_id: z.string(),
      key: z.string(),
      path: z.string(),
      memory: JsonValue.optional(),
      postgres: JsonValue.optional(),
    }),
  ),
  repaired: z.number().int(),
})
