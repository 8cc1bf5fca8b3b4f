import type { z } from 'zod'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newToken, sha256 } from '../../shared/http/credentials.ts'
import type { Reply } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import type { OrganizationCreate } from './schema.ts'
import type { NewKey, NewUser, OrganizationStore } from './store.ts'

/** A fresh credential of an organization, and the row that will know it again by its hash. */
export const newKey = (organization: string, name: string, role: NewKey['role'], expires_at: string | null, at: string) => {
  const secret = newToken(organization)
  const row: NewKey = { id: newId('key'), name, role, expires_at, at, hash: sha256(secret), prefix: secret.slice(0, -36) }
  return { secret, row }
}

/** Founds an organization: its scope is the new organization itself. Throws conflict when the id or the address is taken. */
export const foundOrganization = async (
  scope: Scope,
  { id = newId('org'), name, owner_email }: z.output<typeof OrganizationCreate>,
  at: string,
  organizations: OrganizationStore,
): Promise<{ reply: Reply }> => {
  const owner: NewUser | undefined =
    owner_email === undefined
      ? undefined
      : { id: newId('usr'), email: owner_email, name: null, role: 'owner', status: 'active', password_hash: null, at }
  const key = newKey(id, 'first key', 'owner', null, at)
  const founded = await organizations.found({ ...scope, organization_id: id }, { id, name, at }, owner, key.row)
  if (founded === undefined) throw new Refusal('conflict', `organization ${id} exists already`)
  const api_key = JSON.stringify({ id: key.row.id, secret: key.secret })
  const body = `{"organization":${founded.organization.json},"user":${founded.user?.json ?? 'null'},"api_key":${api_key}}`
  return { reply: { status: 201, headers: { 'content-type': 'application/json', location: '/organizations/me' }, body } }
}
