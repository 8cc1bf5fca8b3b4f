import type { Scope } from '../../shared/db/scope.ts'
import type { CensusStore } from './census.store.ts'
import { type Heads, headsIn } from './heads.ts'
import type { Broken } from './schema.ts'
import type { BlockStore } from './store.ts'
import { verify } from './verify.ts'

/** A database at a moment: how much is in it, and whether its audit is what was sealed. */
export type Census = {
  tables: Record<string, number>
  /** ISO 8601. */
  last_change: string | undefined
  audit: {
    organizations: number
    sealed: number
    unsealed: number
    /** Events that heads outside of the database tell of, and that are not in it: what came after the time it was restored to. */
    lost: number
    broken: (Broken & { organization_id: string })[]
  }
}

/** Takes the census. A chain that is whole as far as it goes, and shorter than the heads kept outside say, is no break but a loss. */
export const takeCensus = async (store: CensusStore, blocks: BlockStore, heads: Heads, scope: Scope): Promise<Census> => {
  const audit: Census['audit'] = { organizations: 0, sealed: 0, unsealed: 0, lost: 0, broken: [] }
  for (const organization_id of await store.organizations(scope)) {
    const own = { ...scope, organization_id }
    const { sealed, unsealed, broken } = await verify(blocks, heads, own)
    audit.organizations++
    audit.sealed += sealed
    audit.unsealed += unsealed
    if (broken === undefined) continue
    const chain = broken.kind === 'cut' ? await verify(blocks, headsIn(undefined), own) : undefined
    if (chain?.valid) audit.lost += Math.max(0, (await keptOutside(heads, organization_id)) - sealed - unsealed)
    else audit.broken.push({ ...broken, organization_id })
  }
  return { tables: await store.counts(scope), last_change: await store.lastChange(scope), audit }
}

/** How many events of an organization the newest head tells of. */
const keptOutside = async (heads: Heads, organization: string): Promise<number> => {
  const newest = await heads.newest(organization, '')
  return newest ? (await heads.read(newest)).total : 0
}

/** What a census says in words, beside an earlier one of the same database: lines, and whether nothing is wrong with it. */
export const reportOf = ({ tables, last_change, audit }: Census, before: Census | undefined): { lines: string[]; whole: boolean } => {
  const was = (table: string) => before?.tables[table] ?? 0
  const names = [...new Set([...Object.keys(tables), ...Object.keys(before?.tables ?? {})])]
  const changed = names.filter(table => (tables[table] ?? 0) !== was(table))
  const countOf = (table: string) => (before === undefined ? `${tables[table]}` : `${was(table)} -> ${tables[table] ?? 0}`)
  const seconds = before?.last_change && last_change ? (Date.parse(before.last_change) - Date.parse(last_change)) / 1000 : undefined
  return {
    whole: audit.broken.length === 0,
    lines: [
      ...changed.map(table => `  ${table.padEnd(28)} ${countOf(table)}`),
      ...(before === undefined ? [] : [`${names.length - changed.length} of ${names.length} tables have as many rows as before`]),
      `the last change was made at ${last_change ?? '(none)'}${seconds === undefined ? '' : `, ${seconds} s before the last one there was`}`,
      `audit: ${audit.sealed} events sealed and ${audit.unsealed} not, of ${audit.organizations} organizations; ${audit.lost} sealed ones are lost`,
      ...audit.broken.map(({ organization_id, id, kind }) => `BROKEN: ${kind} at ${id} of ${organization_id}`),
    ],
  }
}
