import type { Sql } from './ledger.ts'

/** What callers were told that they have: every one of their writes is in it, or was not made. */
export type Account = {
  /** By name. */
  agents: Map<string, { id: string; version: string; description: string }>
  /** How often each counter was increased by one. */
  counters: Map<string, number>
}

export const makeAccount = (): Account => ({ agents: new Map(), counters: new Map() })

export type Audited = { lost: number; doubled: number; wrong: string[] }

/** Compares what the database holds with the account, once nobody writes any more. */
export const audit = async ({ agents, counters }: Account, organization: string, sql: Sql): Promise<Audited> => {
  const found: Audited = { lost: 0, doubled: 0, wrong: [] }
  const lost = (count: number, what: string) => {
    found.lost += count
    found.wrong.push(what)
  }
  const doubled = (count: number, what: string) => {
    found.doubled += count
    found.wrong.push(what)
  }
  const rows = await sql<{ id: string; name: string; description: string }>(
    'select id, name, description from agents where organization_id = $1 and deleted_at is null',
    [organization],
  )
  const there = new Map(rows.map(row => [row.name, row]))
  if (there.size < rows.length) doubled(rows.length - there.size, `${rows.length - there.size} agents are there twice`)
  for (const [name, { id, description }] of agents) {
    const row = there.get(name)
    if (row?.id !== id || row.description !== description)
      lost(1, `agent ${name} is ${JSON.stringify(row)} instead of ${id}, ${description}`)
  }
  for (const name of there.keys()) if (!agents.has(name)) doubled(1, `agent ${name} is there, and nobody was told`)
  const values = await sql<{ id: string; value: string }>('select id, value from counters where organization_id = $1', [organization])
  for (const [name, told] of counters) {
    const value = Number(values.find(({ id }) => id === name)?.value ?? 0)
    if (value < told) lost(told - value, `counter ${name} is ${value} instead of ${told}`)
    if (value > told) doubled(value - told, `counter ${name} is ${value} instead of ${told}`)
  }
  return found
}
