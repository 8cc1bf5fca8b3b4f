import { hash } from 'node:crypto'
import type { Objects } from '../../shared/objects/objects.ts'
import { type BlockHash, Head } from './heads.schema.ts'

/** A head that is kept, as its name tells it: its last block. */
export type Kept = { name: string; id: string; hash: string }

/**
 * The heads of the audit, kept where who can write the database cannot write: one object each, never written again. Which there are is
 * told by their names alone, a thousand a request, and never by what the database says of it.
 */
export type Heads = {
  keep(head: Head): Promise<void>
  /** Every head of an organization, oldest first. */
  all(organization: string): AsyncIterable<Kept>
  /** The newest. `near` is a block that it may end near to: a hint that spares reading all names, and no more than that. */
  newest(organization: string, near: string): Promise<Kept | undefined>
  read(kept: Kept): Promise<Head>
}

/** An id may be longer than a file's name, and hold anything. */
const folderOf = (organization: string): string => hash('sha256', organization)
const NAME = /\/(?<id>\d{12})(?:-(?<hash>[0-9a-f]{64}))?\.json$/

/** The last block of a head. */
export const lastOf = ({ blocks }: Head): BlockHash => blocks.at(-1) as BlockHash

/** No place for heads: nothing is kept, and nothing is found. */
const nowhere: Objects = {
  create: async () => true,
  read: async name => Promise.reject(new Error(`there is no place where ${name} could be`)),
  async *list() {},
}

/** Heads as objects. */
export const headsIn = (objects: Objects = nowhere): Heads => {
  const read = async ({ name }: Pick<Kept, 'name'>): Promise<Head> => Head.parse(JSON.parse(await objects.read(name)))

  async function* listed(organization: string, from: string): AsyncIterable<Kept> {
    const folder = folderOf(organization)
    for await (const name of objects.list(folder, `${folder}/${from}`)) {
      const { id, hash } = NAME.exec(name)?.groups ?? {}
      // the first heads were named by their blocks' numbers alone
      if (id) yield { name, id, hash: hash ?? lastOf(await read({ name })).hash }
    }
  }

  return {
    keep: async head => {
      const { id, hash } = lastOf(head)
      // what has that name already is this: of a run that was lost between this and its note of it
      await objects.create(`${folderOf(head.organization_id)}/${id}-${hash}.json`, JSON.stringify(head))
    },
    all: organization => listed(organization, ''),
    newest: async (organization, near) => {
      for (let from = Number(near), back = 1; ; back *= 16) {
        from = Math.max(0, from - back)
        let newest: Kept | undefined
        for await (const kept of listed(organization, String(from).padStart(12, '0'))) newest = kept
        if (newest || from === 0) return newest
      }
    },
    read,
  }
}
