import type { Part } from '../../shared/job.ts'
import type { CutStore, Uncut } from './documents.store.ts'
import { piecesOf } from './pieces.ts'

/** Cuts up the documents that an import has brought, a few in a step. Their vectors are for the parts behind it. */
export const cutDocuments = (cuts: CutStore): Part => ({
  name: 'cut documents',
  run: async scope => {
    let rows = 0
    for (let after = { organization_id: '', id: '' }; ; ) {
      const page = await cuts.page(scope, after)
      for (const organization_id of new Set(page.map(one => one.organization_id))) {
        const documents = page.filter(one => one.organization_id === organization_id)
        const pieces = await piecesOf(undefined, scope, documents)
        const cut = documents.map(({ id, version }, i) => ({ id, version, pieces: pieces[i] as (typeof pieces)[number] }))
        await cuts.write({ ...scope, organization_id }, cut)
      }
      const last: Uncut | undefined = page.at(-1)
      if (last === undefined) return rows
      rows += page.length
      after = last
    }
  },
})
