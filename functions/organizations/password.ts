import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import pLimit from 'p-limit'
import { Refusal } from '../../shared/errors.ts'

/** OWASP's scrypt parameters for 64 MB: N = 2^16, r = 8, p = 2. */
const COST = { N: 2 ** 16, r: 8, p: 2 }
const KEY_BYTES = 32

const derive = (password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r }
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
  })

export type Passwords = {
  /** A password as it is stored: `scrypt$N$r$p$salt$key`. */
  hash(password: string): Promise<string>
  /** Whether a password is the stored one. Without a stored one it takes as long and says no. */
  check(password: string, stored: string | null): Promise<boolean>
}

/**
 * Passwords, `atOnce` at a time: each takes 64 MB and about 0.3 s of one core (off the event loop), and strangers may ask for it.
 * Both throw overloaded while `waiting` others wait.
 */
export const makePasswords = (atOnce = 2, waiting = 32): Passwords => {
  const limit = pLimit(atOnce)
  const deriveInTurn = (password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> => {
    if (limit.activeCount + limit.pendingCount >= atOnce + waiting)
      throw new Refusal('overloaded', 'too many passwords are being checked', { retryAfter: 5 })
    return limit(derive, password, salt, cost)
  }
  return {
    hash: async password => {
      const salt = randomBytes(16)
      const key = await deriveInTurn(password, salt, COST)
      return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$')
    },
    check: async (password, stored) => {
      const [, N, r, p, salt = '', key = ''] = (stored ?? '').split('$')
      const cost = stored === null ? COST : { N: Number(N), r: Number(r), p: Number(p) }
      const derived = await deriveInTurn(password, Buffer.from(salt, 'base64'), cost)
      const expected = Buffer.from(key, 'base64')
      return expected.length === derived.length && timingSafeEqual(expected, derived)
    },
  }
}
