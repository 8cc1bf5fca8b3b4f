import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto'
import { invalid } from '../errors.ts'
import type { Key } from '../record.ts'

/** Opaque, signed places in lists, each bound to what it was made for (organization and route). */
export type Cursors = { seal(key: Key, binding: string): string; open(cursor: string, binding: string): Key }

const SIGNATURE_BYTES = 16

/** Cursors signed with a key derived from `secret`, which every instance knows. */
export const makeCursors = (secret: string): Cursors => {
  // as a key object: given its bytes, Node 24 makes one each time, which takes 20 us
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'agenthub cursor', 32)))
  const sign = (payload: Buffer, binding: string) =>
    createHmac('sha256', key).update(binding).update('\0').update(payload).digest().subarray(0, SIGNATURE_BYTES)
  return {
    seal: (place, binding) => {
      const payload = Buffer.from(JSON.stringify(place))
      return Buffer.concat([sign(payload, binding), payload]).toString('base64url')
    },
    open: (cursor, binding) => {
      const bytes = Buffer.from(cursor, 'base64url')
      const payload = bytes.subarray(SIGNATURE_BYTES)
      const signature = bytes.subarray(0, SIGNATURE_BYTES)
      if (signature.length !== SIGNATURE_BYTES || !timingSafeEqual(signature, sign(payload, binding)))
        throw invalid('cursor', 'is not a cursor of this list')
      return JSON.parse(payload.toString()) as string[]
    },
  }
}
