import type { Answer, Asked } from '../support/ask.ts'
import type { Account } from './account.ts'

/** A write of fault.ts, asked for until its outcome is known. */
export type Write = Asked & {
  /** Notes in the account that it was made, by what it answered. */
  done(body: { id: string; version: string }): void
  /** The answer that a write in doubt gets when it was made already, and where its record is then. */
  made?: { status: number; path: string }
}

/** One caller changes only the agents that are its own, one write at a time; counters and conversations are everybody's. */
export type Caller = { name: string; serial: number; own: string[]; random: () => number }

const COUNTERS = ['one', 'two', 'three', 'four', 'five']
const CONVERSATIONS = COUNTERS.map(name => `talk-${name}`)

export const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)] as T

/** Makes what the calls need: a table, and conversations with an agent. */
export const makeGround = async (account: Account, insist: (asked: Asked) => Promise<Answer>): Promise<void> => {
  const talker = createOwn(account, 'talker')
  const { body } = await insist(talker)
  talker.done(body)
  await insist({ method: 'PUT', path: '/database/tables/rooms', body: { columns: { content: 'string' } } })
  for (const id of CONVERSATIONS) await insist({ method: 'POST', path: '/conversations', body: { id, agent_id: body.id } })
}

/** A write of one kind, under a name that no other one has. */
type Call = (account: Account, name: string, caller: Caller) => Write

const createOwn = ({ agents }: Account, name: string): Write => ({
  method: 'POST',
  path: '/agents',
  body: { id: name, name, description: '0' },
  made: { status: 409, path: `/agents/${name}` },
  done: ({ id, version }) => void agents.set(name, { id, version, description: '0' }),
})

const createOnce = ({ agents }: Account, name: string): Write => ({
  method: 'POST',
  path: '/agents',
  key: name,
  body: { name, description: '0' },
  done: ({ id, version }) => void agents.set(name, { id, version, description: '0' }),
})

const create =
  (how: typeof createOwn): Call =>
  (account, name, { own }) => {
    own.push(name)
    return how(account, name)
  }

const change: Call = (account, description, caller) => {
  const name = pick(caller.own, caller.random)
  const agent = account.agents.get(name)
  if (agent === undefined) return create(createOwn)(account, description, caller)
  const path = `/agents/${agent.id}`
  return {
    method: 'PATCH',
    path,
    ifMatch: `"${agent.version}"`,
    body: { description },
    made: { status: 412, path },
    done: ({ id, version }) => void account.agents.set(name, { id, version, description }),
  }
}

const increment: Call = ({ counters }, key, { random }) => {
  const counter = pick(COUNTERS, random)
  const done = () => void counters.set(counter, (counters.get(counter) ?? 0) + 1)
  return { method: 'POST', path: `/agents/counters/${counter}/increment`, key, body: { by: 1 }, done }
}

const pay: Call = ({ intents }, key, { random }) => {
  const amount = 1 + Math.floor(random() * 10_000)
  const body = { amount, currency: 'usd', confirm: true }
  return { method: 'POST', path: '/payments/intents', key, body, done: ({ id }) => void intents.set(id, amount) }
}

const keepOnce: Call = ({ records }, content) => {
  const done = ({ id }: { id: string }) => void records.set(id, content)
  return { method: 'POST', path: '/database/tables/rooms/records', key: content, body: { data: { content } }, done }
}

/** Such a record is never changed: a PUT that arrives late would undo the change. */
const putOwn: Call = ({ records }, content) => {
  const done = () => void records.set(content, content)
  return { method: 'PUT', path: `/database/tables/rooms/records/${content}`, body: { data: { content } }, done }
}

const say: Call = ({ messages }, content, { random }) => {
  const conversation = pick(CONVERSATIONS, random)
  const done = ({ id }: { id: string }) => void messages.set(id, `${conversation}: ${content}`)
  return { method: 'POST', path: `/conversations/${conversation}/messages`, key: content, body: { role: 'user', content }, done }
}

/** Each as often as it stands here. */
const calls: Call[] = [
  ...[create(createOwn), create(createOnce), change, change, change],
  ...[increment, increment, pay, pay, keepOnce, putOwn, say, say],
]

export const nextWrite = (account: Account, caller: Caller): Write =>
  pick(calls, caller.random)(account, `${caller.name}.${caller.serial}`, caller)
