/**
 * What writers were told of their writes, in the stages of a migration: every state that each thing may so be in, and what is not one of them.
 * (account.ts is for faults that callers wait out: there each thing is in one state.)
 */
export type Ledger = {
  /** By name; a server made the ids. `may` is how the description may read. */
  agents: Map<string, { id: string | undefined; may: State[] }>
  counters: Map<string, { acknowledged: number; unknown: number }>
  /** By the name in their metadata; `said` are the messages in the order in which they were sent, and whether they must be there. */
  conversations: Map<string, { id: string | undefined; certain: boolean; said: Map<string, boolean> }>
}
export type State = string | typeof ABSENT
export const ABSENT = null

export const makeLedger = (): Ledger => ({ agents: new Map(), counters: new Map(), conversations: new Map() })

export type Sql = <R>(text: string, values?: unknown[]) => Promise<R[]>

/** Compares what Postgres holds with the ledger; what was unknown is known from then on. Answers what should not be, in words. */
export const audit = async (ledger: Ledger, organization: string, sql: Sql): Promise<string[]> => [
  ...(await auditAgents(ledger, organization, sql)),
  ...(await auditCounters(ledger, organization, sql)),
  ...(await auditConversations(ledger, organization, sql)),
]

type Named = { id: string; name: string }

const group = <T extends Named>(rows: T[]): Map<string, T[]> => {
  const found = new Map<string, T[]>()
  for (const row of rows) found.get(row.name)?.push(row) ?? found.set(row.name, [row])
  return found
}

/** Names that are there twice, or that nobody wrote. */
const strangers = (kind: string, found: Map<string, unknown[]>, known: Map<string, unknown>): string[] =>
  [...found].flatMap(([name, { length }]) => [
    ...(length > 1 ? [`${kind} ${name} is there ${length} times`] : []),
    ...(known.has(name) ? [] : [`${kind} ${name} was written by nobody`]),
  ])

const auditAgents = async ({ agents }: Ledger, organization: string, sql: Sql): Promise<string[]> => {
  const rows = await sql<Named & { description: string }>(
    'select id, name, description from agents where organization_id = $1 and deleted_at is null',
    [organization],
  )
  const found = group(rows)
  const faults = strangers('agent', found, agents)
  for (const [name, { may }] of agents) {
    const row = found.get(name)?.[0]
    const is = row?.description ?? ABSENT
    if (!may.includes(is)) faults.push(`agent ${name} is ${is}, but may be ${may.join(' or ')}`)
    if (row) agents.set(name, { id: row.id, may: [row.description] })
    else agents.delete(name)
  }
  return faults
}

const auditCounters = async ({ counters }: Ledger, organization: string, sql: Sql): Promise<string[]> => {
  const rows = await sql<{ id: string; value: string }>(
    'select id, value from counters where organization_id = $1 and deleted_at is null',
    [organization],
  )
  const values = new Map(rows.map(({ id, value }) => [id, Number(value)]))
  const faults: string[] = []
  for (const [name, { acknowledged, unknown }] of counters) {
    const value = values.get(name) ?? 0
    if (value < acknowledged || value > acknowledged + unknown)
      faults.push(`counter ${name} is ${value}: ${acknowledged} were acknowledged, ${unknown} are unknown`)
    counters.set(name, { acknowledged: value, unknown: 0 })
  }
  return faults
}

const conversationRows = `select id, metadata ->> 'name' as name, message_count,
  array(select content from messages m where m.organization_id = c.organization_id and m.conversation_id = c.id order by number) as said,
  array(select number from messages m where m.organization_id = c.organization_id and m.conversation_id = c.id order by number) as numbers
from conversations c
where organization_id = $1 and deleted_at is null`

const auditConversations = async ({ conversations }: Ledger, organization: string, sql: Sql): Promise<string[]> => {
  const rows = await sql<Named & { message_count: number; said: string[]; numbers: number[] }>(conversationRows, [organization])
  const found = group(rows)
  const faults = strangers('conversation', found, conversations)
  for (const [name, { certain, said }] of conversations) {
    const row = found.get(name)?.[0]
    if (!row) {
      if (certain) faults.push(`conversation ${name} is lost`)
      conversations.delete(name)
      continue
    }
    const expected = [...said].filter(([content, must]) => must || row.said.includes(content)).map(([content]) => content)
    if (row.said.join() !== expected.join()) faults.push(`conversation ${name} says ${row.said.join()} instead of ${expected.join()}`)
    if (row.message_count !== row.said.length || row.numbers.some((number, i) => number !== i + 1))
      faults.push(`conversation ${name} counts ${row.message_count} messages, numbered ${row.numbers.join()}`)
    conversations.set(name, { id: row.id, certain: true, said: new Map(row.said.map(content => [content, true])) })
  }
  return faults
}
