import { v7 } from 'uuid'

/** A new id: the prefix of its kind and a UUIDv7 (RFC 9562) in hexadecimal, so that ids sort by the time they were made. */
export const newId = (prefix: string): string => `${prefix}_${v7().replaceAll('-', '')}`
