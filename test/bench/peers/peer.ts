import { BULK } from './rows.ts'

/** A request; `[<id>]` in the body is another text each time. */
export type Ask = { method: 'GET' | 'POST' | 'PUT'; path: string; headers: Record<string, string>; body?: string }

/** An agent in an answer. */
export type Told = { id: string; organization_id: string; name: string }

/** One server's way of asking for the same things, and of answering. */
export type Asks = {
  get(organization: string, n: number): Ask
  got(body: string): Told | undefined
  list: Ask
  listed(body: string): Told[]
  create: Ask
  created(body: string): Told
  /** The `n`th request for 1,000 new agents. */
  bulk(n: number): Ask
  /** The ids that its answer names. */
  made(body: string): string[]
}

/** API keys of the organization that is read, and of the one that is written. */
export type Keys = { reader: string; writer: string }

/** Where a server finds what it needs: its database's URL, connections to it, and a folder of its own. */
export type Site = { database: string; pool: number; folder: string }

/** A server that is compared. */
export type Peer = {
  name: string
  /** Of what the installed folder holds. */
  script: string
  environment(site: Site): Record<string, string>
  asks: Asks
  /** Whether a key shows the agents of its own organization alone. */
  isolates: boolean
}

export const json = { 'content-type': 'application/json' }
export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}`, ...json })
export const parsed = (body: string): ReturnType<typeof JSON.parse> => JSON.parse(body)

/** One for each agent of a bulk. */
export const each = <T>(make: (i: number) => T): T[] => Array.from({ length: BULK }, (_, i) => make(i))

export const NEW = 'A new agent'
