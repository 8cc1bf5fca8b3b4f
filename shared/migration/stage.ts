import { Refusal } from '../errors.ts'

/** Where a collection stands on its way from a process's memory to Postgres (README: the move and the way back). */
export const stages = ['off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const
export type Stage = (typeof stages)[number]

/** A stage as Postgres has it. Everything a process does rests on one `epoch`: it rises with each change and each memory lease. */
export type StageRow = {
  stage: Stage
  epoch: string
  /** Until when, by Postgres's clock, this answer may be relied on without asking again (as Postgres's text). */
  validUntil: string
  /** The stage that an operator asked for elsewhere, under this epoch: the holder carries it out. */
  wish: Stage | undefined
  /** A whole comparison was asked for elsewhere: the holder makes it. */
  verify: boolean
}

/** Memory is read or written in these stages, so one process holds it alone. */
export const holdsMemory = (stage: Stage): boolean => stage === 'off' || stage === 'dualwrite' || stage === 'shadow' || stage === 'live'

/** One legal step: who takes it, whether writes pause for it, whether it asks for a clean pass, and whether memory is read ahead of it. */
export type Step = { by: 'holder' | 'anyone'; pause?: true; proved?: true; ahead?: true }

/** Every legal step. Postgres has the same ones, and what else must hold before each (migration_steps). */
const steps: Record<string, Step> = {
  'off dualwrite': { by: 'holder', pause: true },
  'dualwrite off': { by: 'holder', pause: true },
  'dualwrite shadow': { by: 'holder' },
  'shadow dualwrite': { by: 'holder' },
  'shadow live': { by: 'holder', proved: true },
  'live shadow': { by: 'holder', pause: true },
  'live rampdown': { by: 'holder', proved: true },
  'rampdown live': { by: 'anyone', ahead: true },
  'rampdown complete': { by: 'anyone' },
  'complete rampdown': { by: 'anyone' },
}

export const stepOf = (from: Stage, to: Stage): Step | undefined => steps[`${from} ${to}`]

/**
 * One entry of a collection with everything that is in it, as memory and Postgres exchange it: `json` is the whole row (and its
 * children), not only what the wire shows. A removed entry stays, `deleted`, so that an older copy cannot come back.
 */
export type Entry = Stamp & { deleted: boolean; json: string }

/** At which version an entry is: at one version it is always the same. */
export type Stamp = { organization_id: string; id: string; version: string }

/** Another process holds what this one asks for: the stage is known, and it is not ours to serve. */
export class HeldElsewhere extends Refusal {
  constructor() {
    super('unavailable', 'another process still holds this collection', { retryAfter: 1 })
  }
}
