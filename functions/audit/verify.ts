import type { Scope } from '../../shared/db/scope.ts'
import type { Heads } from './heads.ts'
import type { Broken, Verified } from './schema.ts'
import type { BlockStore, Checked } from './store.ts'

/**
 * Compares an organization's events with its blocks, a page a time, then its blocks with the heads that are kept outside: who can
 * write the database can write blocks as well, but not those.
 */
export const verify = async (blocks: BlockStore, heads: Heads, scope: Scope): Promise<Verified> => {
  let checked: Checked = await blocks.check(scope, { block: '', hash: '', event: '' })
  while (checked.next) checked = await blocks.check(scope, checked.next)
  const { sealed, unsealed, anchored } = checked
  const broken = checked.broken ?? (await brokenOutside(blocks, heads, scope, anchored))
  return { valid: broken === undefined, sealed, unsealed, ...(broken ? { broken } : {}) }
}

/** The first block that a head tells otherwise. Newer heads are enough to see it; which is the first, the older ones tell. */
const brokenOutside = async (blocks: BlockStore, heads: Heads, scope: Scope, anchored: string): Promise<Broken | undefined> => {
  const found = await firstOther(blocks, heads, scope, anchored)
  if (found === undefined || found.kind === 'cut') return found
  return firstOther(blocks, heads, scope, '')
}

const firstOther = async (blocks: BlockStore, heads: Heads, scope: Scope, from: string): Promise<Broken | undefined> => {
  for await (const head of heads.from(scope.organization_id, from)) {
    const other = await blocks.firstOther(scope, head.blocks)
    if (other) return { id: other.block.first_id, kind: other.missing ? 'cut' : 'edit' }
  }
  return undefined
}
