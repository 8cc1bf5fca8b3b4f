import { z } from 'zod'
import { Refusal } from './errors.ts'

const PATH = '/computeMetadata/v1/instance/service-accounts/default/token'
const TIMEOUT_MS = 5000
/** A token is asked for again when it has less than this to live. */
const SPARE_MS = 60_000

const Token = z.object({ access_token: z.string(), expires_in: z.number() })

/** Access tokens of this function's service account, from the metadata server at `url`; each is kept until shortly before its end. */
export const serviceTokens = (url: string, now: () => number = Date.now): (() => Promise<string>) => {
  let token: { text: string; until: number } | undefined
  return async () => {
    if (token && now() < token.until) return token.text
    const response = await fetch(url + PATH, { headers: { 'metadata-flavor': 'Google' }, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
      cause => {
        throw new Refusal('unavailable', 'the metadata server cannot be reached', { retryAfter: 5, cause })
      },
    )
    if (!response.ok) throw new Refusal('unavailable', `the metadata server answered ${response.status}`, { retryAfter: 5 })
    const { access_token, expires_in } = Token.parse(await response.json())
    token = { text: access_token, until: now() + expires_in * 1000 - SPARE_MS }
    return token.text
  }
}
