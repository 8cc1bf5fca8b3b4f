import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { rawClient } from '../support/raw.ts'

const AUDIENCE = 'https://organizations.example'
const ACCOUNT = 'deployer@project.iam.gserviceaccount.com'
const RIGHT: JWTPayload = {
  iss: 'https://accounts.google.com',
  aud: AUDIENCE,
  email: ACCOUNT,
  email_verified: true,
  exp: Math.floor(Date.now() / 1000) + 600,
}

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
let app: Running
let keys: Server
let google: Key
let stranger: Key
beforeAll(async () => {
  const pair = await generateKeyPair('RS256')
  google = pair.privateKey
  stranger = (await generateKeyPair('RS256')).privateKey
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] })
  keys = createServer((_, response) => response.setHeader('content-type', 'application/json').end(jwks))
  await new Promise<void>(resolve => keys.listen(0, '127.0.0.1', resolve))
  app = await run({
    ALLOWED_SERVICE_ACCOUNTS: `other@x.iam.gserviceaccount.com, ${ACCOUNT}`,
    ID_TOKEN_AUDIENCES: AUDIENCE,
    ID_TOKEN_KEYS_URL: `http://127.0.0.1:${(keys.address() as AddressInfo).port}/certs`,
  })
})
afterAll(async () => {
  await app.stop()
  keys.closeAllConnections()
  await new Promise(resolve => keys.close(resolve))
})

const sign = (claims: JWTPayload, key: Key = google) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key)
const found = async (token: string) => (await app.as(token)('POST', '/organizations', { name: 'Acme' })).status

test('an ID token of an allowed service account founds organizations, and the audit shows whose it was', async () => {
  const { status, body } = await app.as(await sign(RIGHT))('POST', '/organizations', { name: 'Acme' })
  expect(status).toBe(201)
  const events = await app.as(body.api_key.secret)('GET', `/audit/events?actor=service:${ACCOUNT}`)
  expect(events.body.items).toHaveLength(2)
})

test('either of the names of the issuer is right', async () => {
  expect(await found(await sign({ ...RIGHT, iss: 'accounts.google.com' }))).toBe(201)
})

test.each<[string, JWTPayload, number]>([
  ['another audience', { ...RIGHT, aud: 'https://elsewhere.example' }, 401],
  ['another issuer', { ...RIGHT, iss: 'https://accounts.example' }, 401],
  ['an expiry in the past', { ...RIGHT, exp: Math.floor(Date.now() / 1000) - 60 }, 401],
  ['an account that is not allowed', { ...RIGHT, email: 'stranger@project.iam.gserviceaccount.com' }, 403],
  ['an address that is not verified', { ...RIGHT, email_verified: false }, 403],
  ['no word of its verification', { ...RIGHT, email_verified: undefined }, 403],
  ['no address', { ...RIGHT, email: undefined }, 403],
])('a token with %s is refused', async (_, claims, status) => {
  expect(await found(await sign(claims))).toBe(status)
})

test('a token without expiry is refused', async () => {
  const { exp: _, ...endless } = RIGHT
  expect(await found(await sign(endless))).toBe(401)
})

test('a token that nobody signed, or another key, or a shared secret, is refused', async () => {
  expect(await found(new UnsecuredJWT(RIGHT).encode())).toBe(401)
  expect(await found(`${new UnsecuredJWT(RIGHT).encode()}x`)).toBe(401)
  expect(await found(await sign(RIGHT, stranger))).toBe(401)
  const hmac = await new SignJWT(RIGHT).setProtectedHeader({ alg: 'HS256', kid: 'k' }).sign(new Uint8Array(32))
  expect(await found(hmac)).toBe(401)
})

test('a scheduler asks for jobs with its ID token, and one that is not right asks in vain', async () => {
  const asked = async (claims: JWTPayload) => (await app.as(await sign(claims))('POST', '/jobs/purge-expired')).status
  expect(await asked(RIGHT)).toBe(200)
  expect(await asked({ ...RIGHT, aud: 'https://elsewhere.example' })).toBe(401)
  expect(await asked({ ...RIGHT, iss: 'https://accounts.example' })).toBe(401)
  expect(await asked({ ...RIGHT, email: 'stranger@project.iam.gserviceaccount.com' })).toBe(403)
})

test('an ID token opens no route of an organization', async () => {
  expect((await app.as(await sign(RIGHT))('GET', '/agents')).status).toBe(403)
})

test('a token without its signature is believed only where Cloud Run has taken that away', async () => {
  const unsigned = async (claims: JWTPayload) => `${(await sign(claims)).replace(/[^.]+$/, 'SIGNATURE_REMOVED_BY_GOOGLE')}`
  expect(await found(await unsigned(RIGHT))).toBe(401)
  const behind = await run({
    ALLOWED_SERVICE_ACCOUNTS: ACCOUNT,
    ID_TOKEN_AUDIENCES: AUDIENCE,
    ID_TOKEN_KEYS_URL: app.shared.config.idTokens.keysUrl,
    ID_TOKEN_SIGNATURES: 'REMOVED',
  })
  try {
    const asked = async (token: string) => (await behind.as(token)('POST', '/jobs/purge-expired')).status
    expect(await asked(await unsigned(RIGHT))).toBe(200)
    expect(await asked(await sign(RIGHT))).toBe(200)
    expect(await asked(await sign(RIGHT, stranger))).toBe(401)
    expect(await asked(await unsigned({ ...RIGHT, aud: 'https://elsewhere.example' }))).toBe(401)
    expect(await asked(await unsigned({ ...RIGHT, iss: 'https://accounts.example' }))).toBe(401)
    expect(await asked(await unsigned({ ...RIGHT, exp: Math.floor(Date.now() / 1000) - 60 }))).toBe(401)
    const { exp: _, ...endless } = RIGHT
    expect(await asked(await unsigned(endless))).toBe(401)
    expect(await asked(await unsigned({ ...RIGHT, email: 'stranger@project.iam.gserviceaccount.com' }))).toBe(403)
    // Cloud Run has looked at that header, and at this token nobody
    const beside = {
      'x-serverless-authorization': `Bearer ${await unsigned({ ...RIGHT, email: 'invoker@project.iam.gserviceaccount.com' })}`,
    }
    expect((await behind.as(await unsigned(RIGHT))('POST', '/jobs/purge-expired', undefined, beside)).status).toBe(401)
    expect((await behind.as(await sign(RIGHT))('POST', '/jobs/purge-expired', undefined, beside)).status).toBe(200)
    const client = rawClient(behind.url)
    const authorization = [`Bearer ${await unsigned(RIGHT)}`, `Bearer ${await sign(RIGHT)}`]
    expect((await client.send({ method: 'POST', path: '/jobs/purge-expired', headers: { authorization } })).status).toBe(401)
    client.close()
  } finally {
    await behind.stop()
  }
})
