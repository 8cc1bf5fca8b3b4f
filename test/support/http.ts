import type { AddressInfo } from 'node:net'
import { http } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { assemble } from '../../functions/main.ts'
import type { HttpFunction } from '../../shared/http/route.ts'
import type { Shared } from '../../shared/shared.ts'
import { ADMIN_KEY, makeTestDatabase, shareTest, type TestDatabase } from './database.ts'

export type Answer = { status: number; headers: Headers; text: string; body: ReturnType<typeof JSON.parse> }
export type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

/** A running gateway over a database of its own, as its users meet it. */
export type Running = {
  url: string
  functions: HttpFunction[]
  shared: Shared
  database: TestDatabase
  log: string[]
  /** Calls as whoever the token is; an object body is sent as JSON, text as it is. */
  as(token: string | undefined): Call
  admin: Call
  /** A new organization: its id, its owner's key, and calls with it. */
  organization(id?: string): Promise<{ id: string; key: string; call: Call }>
  stop(): Promise<void>
}

let started = 0

export const run = async (environment: Record<string, string> = {}, target = 'gateway'): Promise<Running> =>
  runOver(await makeTestDatabase(environment), target)

/** The same over a database that is there already, as one behind a proxy; it is dropped at the end. */
export const runOver = async (database: TestDatabase, target = 'gateway'): Promise<Running> => {
  const log: string[] = []
  const shared = await shareTest(database, log)
  const { functions, serve } = await assemble(target, shared)
  const name = `test-${++started}`
  http(name, serve)
  const server = getTestServer(name)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const as = (token: string | undefined): Call => callsOf(url, token)
  const admin = as(ADMIN_KEY)
  return {
    url,
    functions: await Promise.all(functions.map(({ load }) => load())),
    shared,
    database,
    log,
    as,
    admin,
    organization: async id => {
      const { body } = await admin('POST', '/organizations', { name: 'An organization', ...(id === undefined ? {} : { id }) })
      return { id: body.organization.id, key: body.api_key.secret, call: as(body.api_key.secret) }
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await shared.close()
      await database.drop()
    },
  }
}

/** Calls to a server as whoever a token is. */
export const callsOf =
  (url: string, token: string | undefined): Call =>
  async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = /\bjson/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, text, body: json && text !== '' ? JSON.parse(text) : undefined }
  }
