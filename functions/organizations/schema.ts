import { z } from 'zod'
import { roles } from '../../shared/roles.ts'
import { Id, JsonObject, recordFields, Time } from '../../shared/shapes.ts'

const Name = z.string().min(1).max(255)
const Email = z.email().max(255)
export const UserRole = z.enum(roles)
const UserStatus = z.enum(['active', 'suspended'])
const Password = z.string().min(12, 'must have at least 12 characters').max(1024)

export const Organization = z.object({ ...recordFields, name: z.string(), settings: JsonObject })
export type Organization = z.infer<typeof Organization>
export const OrganizationPatch = z.strictObject({ name: Name, settings: JsonObject }).partial()
export type OrganizationPatch = z.infer<typeof OrganizationPatch>

export const User = z.object({ ...recordFields, email: z.string(), name: z.string().nullable(), role: UserRole, status: UserStatus })
export type User = z.infer<typeof User>
export const UserCreate = z.strictObject({
  id: Id.optional(),
  email: Email,
  name: Name.nullable().optional(),
  role: UserRole.default('member'),
  status: UserStatus.default('active'),
  password: Password.optional(),
})
export const UserPatch = z
  .strictObject({ email: Email, name: Name.nullable(), role: UserRole, status: UserStatus, password: Password.nullable() })
  .partial()

export const ApiKey = z.object({
  ...recordFields,
  name: z.string(),
  role: UserRole,
  prefix: z.string(),
  user_id: z.string().nullable(),
  expires_at: Time.nullable(),
  revoked_at: Time.nullable(),
  last_used_at: Time.nullable(),
})
export type ApiKey = z.infer<typeof ApiKey>
export const ApiKeyCreate = z.strictObject({ name: Name, role: UserRole, expires_at: Time.nullable().optional() })
/** The one answer that shows the secret. */
export const NewApiKey = ApiKey.extend({ secret: z.string() })

export const OrganizationCreate = z.strictObject({ name: Name, id: Id.optional(), owner_email: Email.optional() })
export const Founded = z.object({
  organization: Organization,
  user: User.nullable(),
  api_key: z.object({ id: z.string(), secret: z.string() }),
})

export const SessionCreate = z.strictObject({ email: z.string().max(255), password: z.string().max(1024) })
export const NewSession = z.object({ token: z.string(), expires_at: Time, user: User })
