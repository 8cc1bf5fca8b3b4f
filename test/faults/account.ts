import { ledgerFaults } from '../support/ledger.ts'
import type { Sql } from './ledger.ts'

/**
 * What callers were told that they have, under faults that they wait out: every one of their writes is in it, or was not made.
 * (ledger.ts is for the stages of a migration, whose writers leave what is unknown: there each thing may be in several states.)
 */
export type Account = {
  /** By name. */
  agents: Map<string, { id: string; version: string; description: string }>
  /** How often each counter was increased by one. */
  counters: Map<string, number>
  /** By id: the amount of an intent, which was charged at once; the content of a record; the conversation of a message, and its content. */
  intents: Map<string, number>
  records: Map<string, string>
  messages: Map<string, string>
}

export const makeAccount = (): Account => ({
  agents: new Map(),
  counters: new Map(),
  intents: new Map(),
  records: new Map(),
  messages: new Map(),
})

export type Audited = { lost: number; doubled: number; wrong: string[] }

/** Rows of an organization as what they are called by, and what they hold. */
const kinds = {
  agent: `select name as id, id || ': ' || description as holds from agents where organization_id = $1 and deleted_at is null`,
  intent: `select id, status || ' ' || amount_received as holds from payment_intents where organization_id = $1 and deleted_at is null`,
  'transaction of intent': `select intent_id as id, type || ' ' || amount as holds from payment_transactions where organization_id = $1`,
  record: `select record_id as id, data ->> 'content' as holds from data_records where organization_id = $1 and deleted_at is null`,
  message: `select id, conversation_id || ': ' || content as holds from messages where organization_id = $1`,
}

const miscounted = `select c.id, message_count, count(m.id) as there, max(number) as last
from conversations c left join messages m on m.organization_id = c.organization_id and m.conversation_id = c.id
where c.organization_id = $1
group by c.organization_id, c.id
having message_count <> count(m.id) or message_count <> coalesce(max(number), 0)`

const mapped = <T>(told: Map<string, T>, write: (value: T) => string) => new Map([...told].map(([id, value]) => [id, write(value)]))

/** Compares what the database holds with the account, once nobody writes any more. */
export const audit = async (account: Account, organization: string, sql: Sql): Promise<Audited> => {
  const found: Audited = { lost: 0, doubled: 0, wrong: [] }
  const told: Record<keyof typeof kinds, Map<string, string>> = {
    agent: mapped(account.agents, ({ id, description }) => `${id}: ${description}`),
    intent: mapped(account.intents, amount => `succeeded ${amount}`),
    'transaction of intent': mapped(account.intents, amount => `charge ${amount}`),
    record: account.records,
    message: account.messages,
  }
  for (const [kind, query] of Object.entries(kinds))
    compare(kind, told[kind as keyof typeof kinds], await sql<Row>(query, [organization]), found)
  const counters = await sql<{ id: string; value: string }>('select id, value from counters where organization_id = $1', [organization])
  compareCounters(account.counters, new Map(counters.map(({ id, value }) => [id, Number(value)])), found)
  const conversations = await sql<object>(miscounted, [organization])
  found.wrong.push(...conversations.map(row => `a conversation has miscounted its messages: ${JSON.stringify(row)}`))
  found.wrong.push(...(await ledgerFaults(sql)))
  return found
}

type Row = { id: string; holds: string | null }

const compare = (kind: string, told: Map<string, string>, rows: Row[], found: Audited): void => {
  const missing = new Map(told)
  for (const { id, holds } of rows) {
    const expected = missing.get(id)
    if (expected === undefined) {
      found.doubled++
      found.wrong.push(`${kind} ${id} is there ${told.has(id) ? 'twice' : 'and nobody was told'}`)
    } else if (expected !== holds) {
      found.lost++
      found.wrong.push(`${kind} ${id} holds ${holds} instead of ${expected}`)
    }
    missing.delete(id)
  }
  found.lost += missing.size
  for (const id of missing.keys()) found.wrong.push(`${kind} ${id} is not there`)
}

const compareCounters = (told: Map<string, number>, values: Map<string, number>, found: Audited): void => {
  for (const name of new Set([...told.keys(), ...values.keys()])) {
    const more = (values.get(name) ?? 0) - (told.get(name) ?? 0)
    if (more < 0) found.lost -= more
    if (more > 0) found.doubled += more
    if (more !== 0) found.wrong.push(`counter ${name} is ${values.get(name)} instead of ${told.get(name)}`)
  }
}
