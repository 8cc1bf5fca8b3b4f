import { z } from 'zod'

/** A block of the audit by its hash (hexadecimal), and the first and the last event in it. */
export const BlockHash = z.object({ id: z.string(), first_id: z.string(), last_id: z.string(), hash: z.string() })
export type BlockHash = z.infer<typeof BlockHash>

/** What is kept outside of the database of an organization's newest blocks, in order; `total` counts the events sealed by then. */
export const Head = z.object({ organization_id: z.string(), total: z.number().int(), blocks: z.array(BlockHash).min(1) })
export type Head = z.infer<typeof Head>
