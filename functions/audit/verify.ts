import type { Scope } from '../../shared/db/scope.ts'
import type { Heads, Kept } from './heads.ts'
import { lastOf } from './heads.ts'
import type { Broken, Verified } from './schema.ts'
import type { BlockStore, Checked } from './store.ts'

/**
 * Compares an organization's events with its blocks, a page a time, then its blocks with every head that is kept outside: who can
 * write the database can write blocks and what it says of heads as well, but not those.
 */
export const verify = async (blocks: BlockStore, heads: Heads, scope: Scope): Promise<Verified> => {
  let checked: Checked = await blocks.check(scope, { block: '', hash: '', event: '' })
  while (checked.next) checked = await blocks.check(scope, checked.next)
  const { sealed, unsealed } = checked
  const broken = checked.broken ?? (await brokenOutside(blocks, heads, scope))
  return { valid: broken === undefined, sealed, unsealed, ...(broken ? { broken } : {}) }
}

/** Heads that one look at the blocks compares. */
const PAGE = 1000

/** The first block that is not as a head tells it. The heads' last blocks tell in which, and that one's others where it begins. */
const brokenOutside = async (blocks: BlockStore, heads: Heads, scope: Scope): Promise<Broken | undefined> => {
  for await (const kept of pagesOf(heads.all(scope.organization_id))) {
    const other = await blocks.firstOther(scope, kept)
    if (!other) continue
    const head = await heads.read(other.block)
    const first = (await blocks.firstOther(scope, head.blocks)) ?? { block: lastOf(head), missing: other.missing }
    return { id: first.block.first_id, kind: first.missing ? 'cut' : 'edit' }
  }
  return undefined
}

async function* pagesOf(all: AsyncIterable<Kept>): AsyncIterable<Kept[]> {
  let page: Kept[] = []
  for await (const one of all) {
    page.push(one)
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
