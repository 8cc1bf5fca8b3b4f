import { z } from 'zod'

/** A login of the database, and the roles that it may become. */
export type Login = { login: string; roles: string[] }

export const port = z.coerce.number().int().min(0).max(65535)
export const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
export const list = z.string().transform(text =>
  text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== ''),
)

/** Other logins, and the roles that a migration lets each become: `login=role+role,...`. */
export const logins = list.pipe(
  z.array(
    z
      .string()
      .regex(/^[^=]+=(agenthub_app|agenthub_jobs)(\+(agenthub_app|agenthub_jobs))*$/, 'must be login=agenthub_app+agenthub_jobs,...')
      .transform((text): Login => {
        const [login = '', roles = ''] = text.split('=')
        return { login, roles: roles.split('+') }
      }),
  ),
)
