import { hash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { JWTPayload } from 'jose'
import type { IsAdmin } from '../adminkey.ts'
import type { Config } from '../config.ts'
import type { Caller } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import { roles } from '../roles.ts'
import type { Access } from './route.ts'

/** SHA-256: what we store of a secret of 256 random bits. */
export const sha256 = (text: string | Buffer): Buffer => hash('sha256', text, 'buffer')

/** A new API key or session token, `ah_<base64url(organization)>_<256 random bits>`: it carries its organization. */
export const newToken = (organization: string): string =>
  `ah_${Buffer.from(organization).toString('base64url')}_${randomBytes(32).toString('base64url')}`

const TOKEN = /^ah_([A-Za-z0-9_-]{2,})_[A-Za-z0-9_-]{43}$/
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Who asks, as far as it can be told without the database: the organization is claimed, the token by its hash still unproved. */
export type Presented = { organization: string; caller: Caller; rateKey: string }

/**
 * Checks a Google-signed ID token and returns the e-mail address of its service account. `sole`: the request carries no other
 * credential, which a proxy may have checked in its place.
 */
export type VerifyIdToken = (token: string, sole: boolean) => Promise<string>

/** What is read of a request to tell who asks. */
type Carrier = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/**
 * Tells from the Authorization header (of several, from the first) who asks. Throws unauthenticated without a usable credential,
 * forbidden when the route is for the other kind of caller.
 */
export const present = (carrier: Carrier, access: Access, isAdmin: IsAdmin, verify: VerifyIdToken): Presented | Promise<Presented> => {
  const token = /^Bearer +(\S+)$/i.exec(carrier.headers.authorization ?? '')?.[1]
  if (token === undefined) throw new Refusal('unauthenticated', 'send Authorization: Bearer <API key or session token>')
  const role = roles.find(one => one === access)
  const organization = organizationOf(token)
  if (organization !== undefined) {
    if (role === undefined)
      throw new Refusal('forbidden', "this route is the platform's: it takes the admin key or an allowed service account")
    const hashed = sha256(token)
    return {
      organization,
      caller: { kind: 'token', hash: hashed, role },
      rateKey: hashed.toString('base64url'),
    }
  }
  const platform = (actor: string): Presented => {
    if (role !== undefined) throw new Refusal('forbidden', 'this route is for an organization: it takes its API key or a session token')
    return { organization: PLATFORM, caller: { kind: 'platform', actor }, rateKey: actor }
  }
  const asOther = (): Presented | Promise<Presented> => {
    if (JWT.test(token)) return verify(token, isSole(carrier)).then(account => platform(`service:${account}`))
    throw new Refusal('unauthenticated', 'the credential is unknown')
  }
  const admin = isAdmin(token)
  if (typeof admin === 'boolean') return admin ? platform('admin') : asOther()
  return admin.then(yes => (yes ? platform('admin') : asOther()))
}

/** Cloud Run's IAM looks at X-Serverless-Authorization first: the token beside it was checked by nobody. */
const isSole = ({ headers, rawHeaders }: Carrier): boolean =>
  headers['x-serverless-authorization'] === undefined &&
  rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'authorization').length === 1

/** The organization that a token carries, if it is one: an id has no control characters, and Postgres would refuse U+0000. */
const organizationOf = (token: string): string | undefined => {
  const carried = Buffer.from(TOKEN.exec(token)?.[1] ?? '', 'base64url').toString()
  return carried === '' || /\p{Cc}/u.test(carried) ? undefined : carried
}

/** What stands for an organization where the platform itself asks: no organization's id can hold a control character. */
export const PLATFORM = '\u0001platform'

const issuers = ['https://accounts.google.com', 'accounts.google.com']

/**
 * A verifier of Google's ID tokens: signature (unless Cloud Run has checked and removed it), issuer, expiry, one of our audiences, an
 * allowed and verified account.
 */
export const makeVerifier = ({ accounts, audiences, keysUrl, signatures }: Config['idTokens']): VerifyIdToken => {
  let keys: Promise<ReturnType<typeof import('jose')['createRemoteJWKSet']>> | undefined
  const prove = async (token: string, sole: boolean): Promise<JWTPayload> => {
    const { claimsOf, isUnsigned } = await import('./unsigned.ts')
    if (signatures === 'REMOVED' && sole && isUnsigned(token)) return claimsOf(token, { issuers, audiences })
    const { createRemoteJWKSet, jwtVerify } = await import('jose')
    keys ??= Promise.resolve(createRemoteJWKSet(new URL(keysUrl)))
    const required = { issuer: issuers, audience: audiences, algorithms: ['RS256'], requiredClaims: ['exp'] }
    return (await jwtVerify(token, await keys, required)).payload
  }
  return async (token, sole) => {
    if (accounts.length === 0 || audiences.length === 0) throw new Refusal('unauthenticated', 'ID tokens are not accepted here')
    const { email, email_verified } = await prove(token, sole).catch(cause => {
      throw new Refusal('unauthenticated', 'the ID token is not valid here', { cause })
    })
    if (typeof email !== 'string' || email_verified !== true || !accounts.includes(email))
      throw new Refusal('forbidden', 'this service account may not call the platform')
    return email
  }
}
