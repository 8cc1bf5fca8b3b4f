import { expect, test } from 'vitest'
import { makePasswords } from '../../functions/organizations/password.ts'

const passwords = makePasswords()

test('a password is known again by its hash, and no other is', async () => {
  const stored = await passwords.hash('correct horse battery')
  expect(stored).toMatch(/^scrypt\$65536\$8\$2\$[\w+/=]{24}\$[\w+/=]{44}$/)
  expect(stored).not.toContain('horse')
  expect(await passwords.check('correct horse battery', stored)).toBe(true)
  for (const wrong of ['Correct horse battery', 'correct horse battery ', '']) expect(await passwords.check(wrong, stored)).toBe(false)
})

test('one password has many hashes', async () => {
  expect(await passwords.hash('the same password')).not.toBe(await passwords.hash('the same password'))
})

test('a password is the same however its characters are composed', async () => {
  expect(await passwords.check('pa\u0308sswort mit Umlaut', await passwords.hash('p\u00e4sswort mit Umlaut'))).toBe(true)
})

test('without a stored password every password is wrong, after the same work', async () => {
  const start = performance.now()
  expect(await passwords.check('', null)).toBe(false)
  expect(performance.now() - start).toBeGreaterThan(50)
})

test('a hash made at another cost is still known', async () => {
  const cheap = 'scrypt$16$1$1$c2FsdA==$'
  expect(await passwords.check('x', `${cheap}AAAA`)).toBe(false)
  const { scryptSync } = await import('node:crypto')
  const key = scryptSync('x', 'salt', 32, { N: 16, r: 1, p: 1 }).toString('base64')
  expect(await passwords.check('x', cheap + key)).toBe(true)
})

test('passwords wait for their turn, and are refused beyond what may wait', async () => {
  const few = makePasswords(1, 2)
  const stored = 'scrypt$16$1$1$c2FsdA==$AAAA'
  const asked = Array.from({ length: 5 }, () => few.check('x', stored))
  const outcomes = await Promise.allSettled(asked)
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'overloaded', retryAfter: 5 } })
  expect(await few.check('x', stored)).toBe(false)
})
