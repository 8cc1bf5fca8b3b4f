import { createPublicKey } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_KEY } from '../support/database.ts'
import { endedCredentials } from '../support/ended.ts'
import { requestFor } from '../support/everyroute.ts'
import { type Running, run } from '../support/http.ts'
import { type Operation, operationsOf } from '../support/operations.ts'
import { rawClient } from '../support/raw.ts'

const AUDIENCE = 'https://jobs.example'
const ACCOUNT = 'scheduler@project.iam.gserviceaccount.com'
const KEYS = '/organizations/api-keys'

type Key = Parameters<SignJWT['sign']>[0]
let app: Running
let google: Server
let client: ReturnType<typeof rawClient>
let operations: Operation[]
let token: (claims?: JWTPayload, header?: { alg: string; kid?: string }, key?: Key) => Promise<string>
let publicKey: string

beforeAll(async () => {
  const pair = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
  publicKey = await exportSPKI(pair.publicKey)
  google = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })))
  await new Promise<void>(resolve => google.listen(0, '127.0.0.1', resolve))
  app = await run({
    ALLOWED_SERVICE_ACCOUNTS: ACCOUNT,
    ID_TOKEN_AUDIENCES: AUDIENCE,
    ID_TOKEN_KEYS_URL: `http://127.0.0.1:${(google.address() as AddressInfo).port}/certs`,
  })
  client = rawClient(app.url, 4)
  operations = operationsOf((await app.admin('GET', '/openapi.json')).body)
  const right = { iss: 'https://accounts.google.com', aud: AUDIENCE, email: ACCOUNT, email_verified: true, exp: now() + 600 }
  token = (claims = {}, header = { alg: 'RS256', kid: 'k' }, key = pair.privateKey) =>
    new SignJWT({ ...right, ...claims }).setProtectedHeader(header).sign(key)
})
afterAll(async () => {
  client.close()
  await app.stop()
  google.closeAllConnections()
  await new Promise(resolve => google.close(resolve))
})

const now = () => Math.floor(Date.now() / 1000)
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

/** Asks every operation but the public ones with each of some credentials; answers those whose status is none of `expected`. */
const wrongly = async (of: Operation[], credentials: Record<string, Record<string, string | string[]>>, expected: number[]) => {
  const wrong: string[] = []
  await Promise.all(
    of.map(async operation => {
      const request = requestFor(operation)
      for (const [what, headers] of Object.entries(credentials)) {
        const { status, text } = await client.send({ ...request, headers: { ...request.headers, ...headers } })
        if (!expected.includes(status)) wrong.push(`${operation.name} with ${what}: ${status} ${text.slice(0, 200)}`)
      }
    }),
  )
  return wrong
}
const guarded = () => operations.filter(({ role }) => role !== 'public')
const tenants = () => operations.filter(({ role }) => role !== 'public' && role !== 'platform')
const platforms = () => operations.filter(({ role }) => role === 'platform')

test('the routes that ask for no credential are those that were meant to', () => {
  const names = operations.filter(({ role }) => role === 'public').map(({ name }) => name)
  const system = names.filter(name => !/^get .*\/(health\/(live|ready)|openapi\.json)$/.test(name))
  expect(system.sort()).toEqual(['get /docs', 'get /docs/:file', 'post /organizations/sessions', 'post /payments/webhooks/:provider'])
  expect([tenants().length > 60, platforms().length > 10]).toEqual([true, true])
})

test('no route takes no credential, half of one, or one that stands elsewhere than in Authorization', async () => {
  const { key } = await app.organization()
  const elsewhere = { 'x-api-key': key, cookie: `session=${key}; authorization=Bearer ${key}`, 'proxy-authorization': `Bearer ${key}` }
  const wrong = await wrongly(
    guarded(),
    {
      nothing: {},
      'an empty header': { authorization: '' },
      'a scheme alone': { authorization: 'Bearer ' },
      'another scheme': { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
      'a key without a scheme': { authorization: key },
      'two tokens': { authorization: `Bearer ${key} ${ADMIN_KEY}` },
      'a header of another name': elsewhere,
      "a proxy's word": {
        'x-forwarded-user': 'admin',
        'x-serverless-authorization': `Bearer ${key}`,
        'x-goog-iap-jwt-assertion': await token(),
      },
    },
    [401],
  )
  expect(wrong).toEqual([])
})

test('no route takes a credential that has ended, or that nobody has', { timeout: 180_000 }, async () => {
  const credentials = Object.fromEntries(Object.entries(await endedCredentials(app)).map(([what, text]) => [what, bearer(text)]))
  expect(await wrongly(tenants(), credentials, [401])).toEqual([])
  // the platform's routes refuse every key of an organization before they look at it
  expect(await wrongly(platforms(), credentials, [401, 403])).toEqual([])
})

test('no route takes an ID token that is forged, late, or meant for another', { timeout: 180_000 }, async () => {
  const none = new UnsecuredJWT({
    iss: 'https://accounts.google.com',
    aud: AUDIENCE,
    email: ACCOUNT,
    email_verified: true,
    exp: now() + 600,
  })
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' })
  const stranger = (await generateKeyPair('RS256')).privateKey
  const small = (await generateKeyPair('ES256')).privateKey
  const good = await token()
  const [head, claims, signature] = good.split('.') as [string, string, string]
  const tokens: Record<string, string> = {
    'alg none': none.encode(),
    'alg none and a signature': `${none.encode()}${signature}`,
    'alg NoNe': `${Buffer.from('{"alg":"NoNe"}').toString('base64url')}.${claims}.x`,
    'HS256 by the public key (PEM)': await token({}, { alg: 'HS256', kid: 'k' }, Buffer.from(publicKey)),
    'HS256 by the public key (DER)': await token({}, { alg: 'HS256', kid: 'k' }, new Uint8Array(der)),
    'HS256 by an empty-looking secret': await token({}, { alg: 'HS256' }, new Uint8Array(32)),
    'another key': await token({}, { alg: 'RS256', kid: 'k' }, stranger),
    'another key of another kind': await token({}, { alg: 'ES256', kid: 'k' }, small),
    'a key that is not there': await token({}, { alg: 'RS256', kid: 'other' }, stranger),
    'an expiry in the past': await token({ exp: now() - 1 }),
    'a beginning in the future': await token({ nbf: now() + 600 }),
    'another audience': await token({ aud: 'https://elsewhere.example' }),
    'no audience': await token({ aud: [] }),
    'another issuer': await token({ iss: 'https://accounts.google.com.example' }),
    'a claim that was changed': `${head}.${Buffer.from(Buffer.from(claims, 'base64url').toString().replace('scheduler', 'schedules')).toString('base64url')}.${signature}`,
    'no signature': `${head}.${claims}.`,
    'a signature said to be removed': `${head}.${claims}.SIGNATURE_REMOVED_BY_GOOGLE`,
    'another account': await token({ email: 'stranger@project.iam.gserviceaccount.com' }),
    'an account in a list': await token({ email: [ACCOUNT] as unknown as string }),
    'an account whose address is not verified': await token({ email_verified: 'true' }),
  }
  const credentials = Object.fromEntries(Object.entries(tokens).map(([what, text]) => [what, bearer(text)]))
  expect(await wrongly(guarded(), credentials, [401, 403])).toEqual([])
  expect(await wrongly(tenants(), { 'the right one': bearer(good) }, [403])).toEqual([])
  expect((await app.as(good)('GET', '/jobs/runs')).status).toBe(200)
})

test("an organization's routes refuse the platform's callers, and the platform's every organization's", async () => {
  const { key, call } = await app.organization()
  const admin = (await call('POST', KEYS, { name: 'a', role: 'admin' })).body.secret
  expect(await wrongly(tenants(), { 'the admin key': bearer(ADMIN_KEY), 'an ID token': bearer(await token()) }, [403])).toEqual([])
  expect(await wrongly(platforms(), { "an owner's key": bearer(key), "an admin's key": bearer(admin) }, [403])).toEqual([])
})

test('of two Authorization headers the first alone counts, wherever the better one stands', async () => {
  const { key, call } = await app.organization()
  const viewer = (await call('POST', KEYS, { name: 'v', role: 'viewer' })).body.secret
  const both = (first: string, second: string) => ({ authorization: [`Bearer ${first}`, `Bearer ${second}`] })
  expect(
    await wrongly(guarded(), { 'none before the right one': both('x', key), 'none before the admin key': both('x', ADMIN_KEY) }, [401]),
  ).toEqual([])
  expect(await wrongly(platforms(), { 'a viewer before the admin key': both(viewer, ADMIN_KEY) }, [403])).toEqual([])
  const writing = tenants().filter(({ role }) => role !== 'viewer')
  expect(await wrongly(writing, { "a viewer before its owner's key": both(viewer, key) }, [403])).toEqual([])
})
