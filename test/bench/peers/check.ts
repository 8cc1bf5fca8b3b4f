import { deepStrictEqual } from 'node:assert/strict'
import type { Ask, Asks } from './peer.ts'
import { NEW } from './peer.ts'
import { BULK, idOf, nameOf, organizations, PAGE, READER, ROWS, WRITER } from './rows.ts'

/** Sends one request: its answer's text. Throws what was answered if that was no 2xx. */
export const send = async (url: string, { method, path, headers, body }: Ask): Promise<string> => {
  const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}${path}: ${response.status} ${text.slice(0, 300)}`)
  return text
}

const agent = (n: number) => ({ id: idOf(READER, n), organization_id: READER, name: nameOf(n) })
const bare = ({ id, organization_id, name }: { id: string; organization_id: string; name: string }) => ({ id, organization_id, name })

/** Asks for everything once: throws unless the right rows, of the right organization, are answered and made. */
export const check = async (url: string, asks: Asks, isolates: boolean): Promise<void> => {
  const one = asks.got(await send(url, asks.get(READER, 1234)))
  deepStrictEqual(one && bare(one), agent(1234))
  const list = asks.listed(await send(url, asks.list)).map(bare)
  deepStrictEqual(
    list,
    Array.from({ length: PAGE }, (_, i) => agent(ROWS - i)),
  )
  if (isolates) {
    const foreign = await send(url, asks.get(organizations[1] as string, 1234)).then(asks.got, () => undefined)
    deepStrictEqual(foreign, undefined)
  }
  const made = asks.created(
    await send(url, { ...asks.create, ...(asks.create.body && { body: asks.create.body.replace('[<id>]', 'first') }) }),
  )
  deepStrictEqual({ ...bare(made), id: typeof made.id }, { id: 'string', organization_id: WRITER, name: NEW })
  const ids = asks.made(await send(url, asks.bulk(0)))
  deepStrictEqual([ids.length, new Set(ids).size, typeof ids[0]], [BULK, BULK, 'string'])
}
