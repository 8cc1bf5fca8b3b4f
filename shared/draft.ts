import type { Entry } from './migration/stage.ts'

/** What a transaction is to write in a table: nobody else sees any of it before it is kept. */
export type Draft = {
  /**
   * Does `work` on top of what is drafted so far, and drafts what it writes; it must be over before anything is awaited. Within a
   * draft that is at work it is a part of that work.
   */
  within<R>(work: () => R): R
  /** Writes it, unless the table has been cleared since. */
  keep(): void
  drop(): void
}

/** A table's drafts. One key stands under one draft at a time: who drafts sees to that. */
export type Drafts<K> = {
  make(): Draft
  /** Told of each row that the table is about to keep. */
  note(organization: string, id: string, kept: K): void
  /** Whether a draft stands over an entry. */
  over(entry: Pick<Entry, 'organization_id' | 'id'>): boolean
  clear(): void
}

/** A table's rows, one by one: `keep` is how it writes, `put` how a row is set back, undefined where there was none. */
type Rows<K> = {
  read(organization: string, id: string): K | undefined
  put(organization: string, id: string, kept: K | undefined): void
  keep(organization: string, id: string, kept: K): void
}

type Change<K> = { organization: string; id: string; before: K | undefined; kept: K }

const textOf = (organization: string, id: string) => `${organization}\0${id}`

export const makeDrafts = <K>({ read, put, keep }: Rows<K>): Drafts<K> => {
  /** What is written while a draft is at work. */
  let noted: Change<K>[] | undefined
  let drafted = new Set<string>()

  const make = (): Draft => {
    const home = drafted
    let changes: Change<K>[] = []
    const redo = () => {
      for (const { organization, id, kept } of changes) keep(organization, id, kept)
    }
    const drop = () => {
      for (const { organization, id } of changes) home.delete(textOf(organization, id))
      changes = []
    }
    return {
      within: work => {
        if (noted !== undefined) return work()
        noted = []
        try {
          redo()
          return work()
        } finally {
          changes = noted
          noted = undefined
          for (const { organization, id, before } of changes.toReversed()) put(organization, id, before)
          for (const { organization, id } of changes) home.add(textOf(organization, id))
        }
      },
      keep: () => {
        if (home === drafted) redo()
        drop()
      },
      drop,
    }
  }
  return {
    make,
    note: (organization, id, kept) => void noted?.push({ organization, id, before: read(organization, id), kept }),
    over: ({ organization_id, id }) => drafted.has(textOf(organization_id, id)),
    clear: () => {
      drafted = new Set()
    },
  }
}
