import { newToken, sha256 } from '../../shared/http/credentials.ts'
import type { Call, Running } from './http.ts'

const KEYS = '/organizations/api-keys'
const USERS = '/organizations/users'

type Organization = Awaited<ReturnType<Running['organization']>>
type Person = { user: string; session: string; key: string }

const keyOf = async (by: Call): Promise<{ id: string; secret: string }> => (await by('POST', KEYS, { name: 'x', role: 'owner' })).body

/** A user with a session (written down as a login does, which would take a third of a second), and a key made by it. Both are right. */
const person = async (app: Running, { id, call }: Organization, name: string): Promise<Person> => {
  const user = (await call('POST', USERS, { email: `${name}-${id}@example.org`, role: 'owner' })).body.id as string
  const session = newToken(id)
  const text = `insert into sessions (organization_id, id, user_id, token_hash, sliding, expires_at, absolute_expires_at, version, created_at, updated_at)
    values ($1, $2, $3, $4, '1 day', now() + interval '1 day', now() + interval '1 day', nextval('row_version'), now(), now())`
  await app.database.sql(text, [id, `ses_${name}`, user, sha256(session)])
  const key = (await keyOf(app.as(session))).secret
  const { status } = await app.as(key)('GET', '/organizations/me')
  if (status !== 200) throw new Error(`the key of ${name} was to be right at first: ${status}`)
  return { user, session, key }
}

const swapCase = (text: string) => Array.from(text, one => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())).join('')

/** Credentials of an organization that were right once, or are nearly so. */
export const endedCredentials = async (app: Running): Promise<Record<string, string>> => {
  const organization = await app.organization()
  const { id, key } = organization
  const call: Call = async (...asked) => {
    const answer = await organization.call(...asked)
    if (answer.status >= 300) throw new Error(`${asked[0]} ${asked[1]} ended nothing: ${answer.status} ${answer.text}`)
    return answer
  }
  await call('POST', USERS, { email: `stays-${id}@example.org`, role: 'owner' }) // the last owner cannot be removed
  /** A person whose session (or who himself) is ended by `end`. */
  const ended = async (name: string, end: (one: Person) => Promise<unknown>): Promise<Person> => {
    const one = await person(app, organization, name)
    await end(one)
    return one
  }
  const expire = (column: string) => (one: Person) =>
    app.database.sql(`update sessions set ${column} = now() - interval '1 second' where user_id = $1`, [one.user])
  const removed = await ended('removed', one => call('DELETE', `${USERS}/${one.user}`))
  const suspended = await ended('suspended', one => call('PATCH', `${USERS}/${one.user}`, { status: 'suspended' }))
  const left = await ended('left', one => app.as(one.session)('DELETE', '/organizations/sessions/current'))
  const sent = await ended('sent', one => call('DELETE', `${USERS}/${one.user}/sessions`))
  const [idle, late] = [await ended('idle', expire('expires_at')), await ended('late', expire('absolute_expires_at'))]
  const [revoked, expired] = [await keyOf(call), await keyOf(call)]
  await call('DELETE', `${KEYS}/${revoked.id}`)
  await app.database.sql(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [expired.id])
  const gone = await app.organization()
  const last = await person(app, gone, 'last')
  await gone.call('DELETE', '/organizations/me')
  const carried = Buffer.from((await app.organization()).id).toString('base64url')
  return {
    'a revoked key': revoked.secret,
    'an expired key': expired.secret,
    "a removed user's key": removed.key,
    "a removed user's session": removed.session,
    "a suspended user's key": suspended.key,
    "a suspended user's session": suspended.session,
    'an ended session': left.session,
    'a session that was ended for its user': sent.session,
    'a session left alone for too long': idle.session,
    'an expired session': late.session,
    'a key of a removed organization': gone.key,
    'a session of a removed organization': last.session,
    'a key that nobody has': newToken(id),
    'a key that names another organization': key.replace(/^ah_[^_]+/, `ah_${carried}`),
    'a key that is cut short': key.slice(0, -1),
    'a key of other case': key.slice(0, -43) + swapCase(key.slice(-43)),
    'a key of the right length and no organization': `ah_AA_${key.slice(-43)}`,
    'a hash for a key': Buffer.from(key).toString('hex'),
  }
}
