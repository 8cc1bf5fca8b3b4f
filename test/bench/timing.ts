import { makeIsAdmin } from '../../shared/adminkey.ts'
import { newToken } from '../../shared/http/credentials.ts'
import { callsOf } from '../support/http.ts'
import { randomOf } from '../support/random.ts'
import { rawClient, type Sent } from '../support/raw.ts'
import { ADMIN_KEY, type Bench, gateway } from './ground.ts'
import type { Target } from './report.ts'

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] as number

/** Beyond this there is a difference (dudect: Reparaz, Balasch and Verbauwhede 2017). */
const LEAK = 4.5

/**
 * Welch's t of two samples, each without its slowest tenth: what a busy machine adds there hides what is looked for. And the smallest
 * difference of their means that would have been found (us).
 */
const welch = (a: readonly number[], b: readonly number[]): { t: number; finds: number } => {
  const cropped = (times: readonly number[]) => times.toSorted((x, y) => x - y).slice(0, Math.ceil(times.length * 0.9))
  const moments = (times: readonly number[]) => {
    const mean = times.reduce((sum, one) => sum + one, 0) / times.length
    return { mean, error: times.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (times.length - 1) / times.length }
  }
  const [one, other] = [moments(cropped(a)), moments(cropped(b))]
  const error = Math.sqrt(one.error + other.error)
  return { t: (one.mean - other.mean) / error, finds: LEAK * error }
}

/** Times two kinds of work, in an order that nobody can foresee, `count` times each: microseconds. */
const compare = async (first: () => unknown, second: () => unknown, count: number): Promise<[number[], number[]]> => {
  const random = randomOf(7)
  const times: [number[], number[]] = [[], []]
  for (let n = 0; n < 2 * count; n++) {
    const kind = random() < 0.5 ? 0 : 1
    const start = performance.now()
    await (kind === 0 ? first : second)()
    times[kind].push(1000 * (performance.now() - start))
  }
  return times
}

/** Logins a side, and accounts for them: of one account ten a minute are taken, and these are asked for eight times at the most. */
const [LOGINS, ACCOUNTS] = [40, 12]

/**
 * Whether an answer's time tells of a credential how near it is to a right one, or whether an account is there. The logins are few, for
 * each takes a third of a second: they find a difference of about one standard deviation of a login, some milliseconds on a quiet machine.
 * A password that is not hashed would be found; microseconds, as with the keys, would not. The table says of each pair what it could
 * have found.
 */
export const timing: Bench = {
  name: 'timing',
  about: 'time of refusals (us): wrong keys that are nearly right and ones that are not, wrong passwords and unknown accounts (2 minutes)',
  run: async ({ serve, organization }) => {
    const ours = await serve(gateway)
    const { id, key } = await organization(ours, 'acme')
    const call = callsOf(ours.url, key)
    const password = 'correct horse battery'
    const client = rawClient(ours.url)
    const refused = async (sent: Sent): Promise<void> => {
      const { status, text } = await client.send(sent)
      if (status !== 401) throw new Error(`${sent.method} ${sent.path} was to be refused with 401: ${status} ${text}`)
    }
    const get = (token: string) => () => refused({ method: 'GET', path: '/agents/nobody', headers: { authorization: `Bearer ${token}` } })
    const accounts = await Promise.all(
      Array.from({ length: ACCOUNTS }, async (_, n) => {
        const email = `user${n}@example.org`
        await call('POST', '/organizations/users', { email, password })
        return email
      }),
    )
    let logins = 0
    const login = (of: () => string) => () =>
      refused({
        method: 'POST',
        path: '/organizations/sessions',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.0.0.${++logins}` },
        body: JSON.stringify({ email: of(), password: 'wrong horse battery' }),
      })
    const near = `${key.slice(0, -1)}${key.endsWith('A') ? 'E' : 'A'}`
    const isAdmin = makeIsAdmin(
      ADMIN_KEY,
      undefined,
      Object.assign(() => {}, { enabled: () => false }),
    )
    /** A thousand at once: one alone is shorter than the clock's step. */
    const admin = (token: string) => () => {
      for (let n = 0; n < 1000; n++) void isAdmin(token)
    }
    const far = newToken(id)
    const pairs: [string, () => unknown, () => unknown, number][] = [
      ['a key wrong in its last character / in all', get(near), get(far), 1500],
      ['a wrong key of an organization / of none', get(far), get(newToken('nobody')), 1500],
      [
        '1,000 admin keys wrong in the last character / the first',
        admin(`${ADMIN_KEY.slice(0, -1)}!`),
        admin(`!${ADMIN_KEY.slice(1)}`),
        2000,
      ],
      [
        'a login: wrong password / unknown address',
        login(() => accounts[logins % ACCOUNTS] as string),
        login(() => `nobody${logins}@example.org`),
        LOGINS,
      ],
    ]
    const table = [['', 'first', 'second', 'ratio', "Welch's t", 'finds from']]
    const targets: Target[] = []
    for (const [what, first, second, count] of pairs) {
      await compare(first, second, Math.min(count, 300) / 10)
      const [one, other] = await compare(first, second, count)
      const { t, finds } = welch(one, other)
      const ratio = median(one) / median(other)
      table.push([what, ...[median(one), median(other)].map(time => time.toFixed(0)), ratio.toFixed(3), t.toFixed(2), finds.toFixed(0)])
      targets.push({ what: `${what}: |t|`, value: Math.abs(t), most: LEAK })
    }
    client.close()
    return { table, targets }
  },
}
