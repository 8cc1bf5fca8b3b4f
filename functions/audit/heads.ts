import { hash } from 'node:crypto'
import type { Objects } from '../../shared/objects/objects.ts'
import { type BlockHash, Head } from './heads.schema.ts'

/** The heads of the audit, kept where who can write the database cannot write: one object each, never written again. */
export type Heads = {
  /** Throws when what is kept already says otherwise. */
  keep(head: Head): Promise<void>
  /** An organization's heads that end with the block `id` or a later one, oldest first. */
  from(organization: string, id: string): AsyncIterable<Head>
}

/** An id may be longer than a file's name, and hold anything. */
const folderOf = (organization: string): string => hash('sha256', organization)
const nameOf = (organization: string, last: string): string => `${folderOf(organization)}/${last}.json`
const lastOf = ({ blocks }: Head): BlockHash => blocks.at(-1) as BlockHash

/** Heads as objects. Without a place for them nothing is kept, and nothing is found. */
export const headsIn = (objects: Objects | undefined): Heads => ({
  keep: async head => {
    const name = nameOf(head.organization_id, lastOf(head).id)
    if (!objects || (await objects.create(name, JSON.stringify(head)))) return
    // a run that was lost between this and its note of it: the same blocks, or somebody wrote them anew
    const kept = Head.parse(JSON.parse(await objects.read(name)))
    if (lastOf(kept).hash !== lastOf(head).hash) throw new Error(`the head ${name} that is kept outside says otherwise`)
  },
  async *from(organization, id) {
    if (!objects) return
    for await (const name of objects.list(folderOf(organization), nameOf(organization, id)))
      yield Head.parse(JSON.parse(await objects.read(name)))
  },
})
