import type { Asked } from '../support/ask.ts'
import { ABSENT, type Ledger, type State } from './ledger.ts'

/** A write of the migration's tests and crash.ts, noted in the ledger as possible from its making on; `done` notes that it was acknowledged. */
export type Write = Asked & { done(body: { id: string }): void }

/** One writer changes only what is its own (names in the ledger), one write at a time, so that it knows what must be there. */
export type Writer = { name: string; agents: string[]; conversations: string[]; counters: string[]; serial: number; random: () => number }

/** An agent that conversations name, and that stays. */
export const TALKER = 'talker'

export const createAgent = ({ agents }: Ledger, name: string): Write => {
  agents.set(name, { id: undefined, may: [ABSENT, '0'] })
  return { method: 'POST', path: '/agents', body: { name, description: '0' }, done: ({ id }) => void agents.set(name, { id, may: ['0'] }) }
}

const changeAgent = ({ agents }: Ledger, name: string | undefined, to: State): Write | undefined => {
  const agent = agents.get(name ?? '')
  if (name === undefined || agent?.id === undefined || agent.may.length > 1 || agent.may[0] === ABSENT) return undefined
  const { id, may } = agent
  agents.set(name, { id, may: [...may, to] })
  const done = () => void agents.set(name, { id, may: [to] })
  return to === ABSENT
    ? { method: 'DELETE', path: `/agents/${id}`, done }
    : { method: 'PATCH', path: `/agents/${id}`, body: { description: to }, done }
}

export const increment = ({ counters }: Ledger, name: string, by: number): Write => {
  const counter = counters.get(name) ?? { acknowledged: 0, unknown: 0 }
  counters.set(name, counter)
  counter.unknown += by
  const done = () => {
    counter.unknown -= by
    counter.acknowledged += by
  }
  return { method: 'POST', path: `/agents/counters/${name}/increment`, body: { by }, done }
}

export const converse = ({ agents, conversations }: Ledger, name: string): Write => {
  const said = new Map([[`${name}:0`, true]])
  conversations.set(name, { id: undefined, certain: false, said })
  return {
    method: 'POST',
    path: '/conversations',
    body: { agent_id: agents.get(TALKER)?.id, metadata: { name }, messages: [{ role: 'user', content: `${name}:0` }] },
    done: ({ id }) => void conversations.set(name, { id, certain: true, said }),
  }
}

const say = ({ conversations }: Ledger, name: string | undefined, content: string): Write | undefined => {
  const conversation = conversations.get(name ?? '')
  if (conversation?.id === undefined || [...conversation.said.values()].includes(false)) return undefined
  const { id, said } = conversation
  said.set(content, false)
  return {
    method: 'POST',
    path: `/conversations/${id}/messages`,
    body: { role: 'user', content },
    done: () => void said.set(content, true),
  }
}

/** A writer's next write. A part of the POSTs carries an Idempotency-Key. */
export const nextWrite = (ledger: Ledger, writer: Writer): Write => {
  const { agents, conversations, counters, random } = writer
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const name = `${writer.name}.${writer.serial++}`
  const create = () => createAgent(ledger, agents[agents.push(name) - 1] as string)
  const begin = () => converse(ledger, conversations[conversations.push(name) - 1] as string)
  const any = random()
  const write =
    (any < 0.15 && create()) ||
    (any < 0.35 && changeAgent(ledger, pick(agents), name)) ||
    (any < 0.45 && changeAgent(ledger, pick(agents), ABSENT)) ||
    (any < 0.5 && begin()) ||
    (any < 0.75 && say(ledger, pick(conversations), name)) ||
    increment(ledger, pick(counters) as string, 1 + Math.floor(random() * 3))
  return write.method === 'POST' && random() < 0.4 ? { ...write, key: name } : write
}

/** Where a writer looks next. What is found is told by the lists and comparisons that follow. */
export const nextRead = (ledger: Ledger, { agents, conversations, counters, random }: Writer): Asked => {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const conversation = ledger.conversations.get(pick(conversations) ?? '')?.id
  const agent = ledger.agents.get(pick(agents) ?? '')
  const counter = pick(counters)
  const counted = ledger.counters.get(counter ?? '')?.acknowledged
  const any = random()
  const path =
    (any < 0.4 && agent?.id && agent.may.length === 1 && agent.may[0] !== ABSENT && `/agents/${agent.id}`) ||
    (any < 0.5 && '/agents?limit=20') ||
    (any < 0.8 && conversation && `/conversations/${conversation}/messages?limit=20`) ||
    (any < 0.9 && '/conversations?limit=20') ||
    (counted && `/agents/counters/${counter}`) ||
    '/agents/counters?limit=20'
  return { method: 'GET', path }
}
