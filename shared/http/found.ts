import { Refusal } from '../errors.ts'

/** What was asked for, or a refusal that it is not there: another organization's is not there either. */
export const found = <R>(what: string, id: string, record: R | undefined): R => {
  if (record === undefined) throw new Refusal('not_found', `there is no ${what} ${id}`)
  return record
}

/** For creates: what was made, or a refusal that the id is taken. */
export const made = <R>(what: string, id: string, record: R | undefined): R => {
  if (record === undefined) throw new Refusal('conflict', `${what} ${id} exists already`)
  return record
}
