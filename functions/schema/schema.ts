import { z } from 'zod'

/** The names of the migrations that were applied, in order. */
export const Migrated = z.object({ applied: z.array(z.string()) })
