import type { Scope } from '../../shared/db/scope.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Role } from '../../shared/roles.ts'
import type { ApiKey, Organization, OrganizationPatch, User } from './schema.ts'

/** A credential as it is stored: the SHA-256 of its text, and the few characters of it that are shown. */
export type NewKey = { id: string; name: string; role: Role; hash: Buffer; prefix: string; expires_at: string | null; at: string }

export type NewUser = {
  id: string
  email: string
  name: string | null
  role: Role
  status: User['status']
  password_hash: string | null
  at: string
}

/** What a user may be given; `password_hash` null takes the password away. */
export type UserChange = Partial<Pick<NewUser, 'email' | 'name' | 'role' | 'status' | 'password_hash'>>

export type OrganizationStore = {
  /** Makes an organization with its first key and, if given, its owner. Undefined when the id or the address is taken. */
  found(
    scope: Scope,
    organization: { id: string; name: string; at: string },
    owner: NewUser | undefined,
    key: NewKey,
  ): Promise<Founded | undefined>
  get(scope: Scope): Promise<Row<Organization> | undefined>
  update(scope: Scope, patch: OrganizationPatch, at: string, ifMatch: string | undefined): Promise<Row<Organization> | undefined>
  /** Removes the organization, with its users, keys and sessions; its data, ledger and audit stay. */
  remove(scope: Scope, at: string, ifMatch: string | undefined): Promise<Row<Organization> | undefined>
}

export type Founded = { organization: Row<Organization>; user: Row<User> | undefined }

/** Users. A change that touches one who outranks the caller is forbidden; the last active owner stays: conflict. */
export type UserStore = {
  get(scope: Scope, id: string): Promise<Row<User> | undefined>
  list(scope: Scope, slice: Slice): Promise<Page<User>>
  /** Undefined when the id or the address is taken, here or in another organization. */
  create(scope: Scope, user: NewUser): Promise<Row<User> | undefined>
  update(scope: Scope, id: string, change: UserChange, at: string, ifMatch: string | undefined): Promise<Row<User> | undefined>
  /** Removes a user with his keys and sessions. */
  remove(scope: Scope, id: string, ifMatch: string | undefined): Promise<Row<User> | undefined>
}

export type KeyStore = {
  list(scope: Scope, slice: Slice): Promise<Page<ApiKey>>
  create(scope: Scope, key: NewKey): Promise<Row<ApiKey>>
  /** From its commit on the key answers 401. Forbidden for a key that outranks the caller. */
  revoke(scope: Scope, id: string, at: string): Promise<Row<ApiKey> | undefined>
}

/** Whose address it is, and the hash to check a password against; undefined for nobody. */
export type Login = { organization_id: string; user_id: string; password_hash: string | null }

/** A session ends `sliding` seconds after its last use, and at `absolute` at the latest. */
export type NewSessionRow = { id: string; user_id: string; hash: Buffer; sliding: number; absolute: string; at: string }

export type SessionStore = {
  /** The only look across organizations. */
  findLogin(scope: Scope, email: string): Promise<Login | undefined>
  /** Undefined when the user is gone or suspended by now. */
  create(scope: Scope, session: NewSessionRow): Promise<{ user: Row<User>; expires_at: string } | undefined>
  /** Ends the session that asks; undefined when an API key asks. */
  removeCurrent(scope: Scope): Promise<{ id: string } | undefined>
  /** Ends all sessions of a user, who must not outrank the caller; undefined when there is no such user. */
  removeOf(scope: Scope, user: string): Promise<{ id: string } | undefined>
}
