import { expect, test } from 'vitest'
import { checkPassword, hashPassword } from '../../functions/organizations/password.ts'

test('a password is known again by its hash, and no other is', async () => {
  const stored = await hashPassword('correct horse battery')
  expect(stored).toMatch(/^scrypt\$65536\$8\$2\$[\w+/=]{24}\$[\w+/=]{44}$/)
  expect(stored).not.toContain('horse')
  expect(await checkPassword('correct horse battery', stored)).toBe(true)
  for (const wrong of ['Correct horse battery', 'correct horse battery ', '']) expect(await checkPassword(wrong, stored)).toBe(false)
})

test('one password has many hashes', async () => {
  expect(await hashPassword('the same password')).not.toBe(await hashPassword('the same password'))
})

test('a password is the same however its characters are composed', async () => {
  expect(await checkPassword('pa\u0308sswort mit Umlaut', await hashPassword('p\u00e4sswort mit Umlaut'))).toBe(true)
})

test('without a stored password every password is wrong, after the same work', async () => {
  const start = performance.now()
  expect(await checkPassword('', null)).toBe(false)
  expect(performance.now() - start).toBeGreaterThan(50)
})

test('a hash made at another cost is still known', async () => {
  const cheap = 'scrypt$16$1$1$c2FsdA==$'
  expect(await checkPassword('x', `${cheap}AAAA`)).toBe(false)
  const { scryptSync } = await import('node:crypto')
  const key = scryptSync('x', 'salt', 32, { N: 16, r: 1, p: 1 }).toString('base64')
  expect(await checkPassword('x', cheap + key)).toBe(true)
})
