import { decodeJwt, type JWTPayload } from 'jose'

/** What Cloud Run leaves in place of the signature, once its IAM has checked a token. */
const REMOVED = '.SIGNATURE_REMOVED_BY_GOOGLE'

export const isUnsigned = (token: string): boolean => token.endsWith(REMOVED)

/**
 * The claims of an ID token that Cloud Run has checked for us. Only where nobody gets through unchecked may they be believed. Throws
 * when issuer, audience or time do not fit.
 */
export const claimsOf = (
  token: string,
  { issuers, audiences }: { issuers: string[]; audiences: string[] },
  now = Date.now(),
): JWTPayload => {
  const claims = decodeJwt(token)
  const named = [claims.aud ?? []].flat()
  if (!issuers.includes(claims.iss ?? '')) throw new Error('the issuer is another')
  if (!named.some(audience => audiences.includes(audience))) throw new Error('the audience is another')
  if (!(Number(claims.exp) * 1000 > now)) throw new Error('the token has expired')
  return claims
}
