import type { Child } from '../support/children.ts'
import { type Ground, refreshReports } from './ground.ts'

type Sql = Ground['sql']

const CHUNK = 50_000
/** Events of a day, the first one so many days ago. */
export const DAILY = 10_000
const DAYS = 1001
/** The first of them, which no report materializes: those reach back to the start of the month before at the most. */
export const OLD_DAYS = DAYS - 65
const START = Math.floor(Date.now() / 86_400_000 - DAYS) * 86_400_000

/** When event number n occurred. */
export const timeOf = (n: number): string => new Date(START + (n / DAILY) * 86_400_000).toISOString()

/**
 * Rows number $1 to $2 of everything that is asked for, in the organization `acme`, by two connections at once. Of any size 20 texts hold
 * one word, and one in 100 another.
 */
const lanes = [
  [
    `insert into knowledge_entries (organization_id, id, agent_id, title, content, tags, embedding_state, version, created_at, updated_at)
select 'acme', 'entry-' || n, 'agt-' || n, 'Entry ' || n, said(n), '{}', 'none', nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
    `insert into agents (organization_id, id, name, industry, configuration, version, created_at, updated_at)
select 'acme', 'agt-' || n, 'Agent ' || n, case n % 10 when 0 then 'hotels' else 'airlines' end, '{"tone": "warm"}', nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
    `insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
select 'acme', record_key('goods', 'g' || n), 'goods', 'g' || n, jsonb_build_object('name', 'Thing ' || n, 'price', n, 'serial', n), nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
  ],
  [
    `insert into conversations (organization_id, id, agent_id, message_count, version, created_at, updated_at)
select 'acme', 'talk-' || n, 'agt-' || n, 10, nextval('row_version'), at, at
from generate_series(($1::int + 9) / 10, $2::int / 10) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
    `insert into messages (organization_id, id, conversation_id, number, role, content, version, created_at, updated_at)
select 'acme', 'msg-' || n, 'talk-' || (n + 9) / 10, (n - 1) % 10 + 1, 'user', said(n), nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
    `insert into payment_intents (organization_id, id, amount, currency, status, amount_authorized, amount_received, version, created_at, updated_at)
select 'acme', 'pay-' || n, 1999, 'usd', 'succeeded', 1999, 1999, nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
    `insert into payment_transactions (organization_id, id, intent_id, type, amount, currency, version, created_at, updated_at)
select 'acme', 'txn-' || n, 'pay-' || n, 'charge', 1999, 'usd', nextval('row_version'), at, at
from generate_series($1::int, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '1 second' as at) t`,
  ],
]

/** What a text says: a dozen words, the rarer the later, as languages are. */
const said = `create function said(n int) returns text language sql immutable return
'Guest ' || n || ' asks about ' || concat_ws(' ', 'topic' || (n % 20), 'matter' || (n % 700), 'detail' || (n % 30011),
  case when n % 100 = 0 then 'breakfast' end, case when n % 500 = 0 and n <= 10000 then 'labradorite' end, 'before leaving on the day after')`

/** Events number $1 to $2 in their order, $3 the time of the first, $4 of them a day: 5 types of 20 agents. */
const events = `insert into analytics_events (organization_id, id, event_type, event_data, agent_id, version, created_at, updated_at)
select 'acme', 'e' || n, (array['message_sent', 'message_received', 'search', 'booking', 'payment'])[n % 5 + 1],
  jsonb_build_object('session', n % 1000, 'status', 200), 'agt-' || n / 5 % 20 + 1, nextval('row_version'),
  $3::timestamptz + (n - $1::int) * interval '1 day' / $4::int, now()
from generate_series($1::int, $2::int) n`

const months = `select make_event_months(array(
  select (date_trunc('month', now() at time zone 'UTC') - n * interval '1 month')::date from generate_series(0, $1::int) n))`

const tables = ['agents', 'data_records', 'conversations', 'messages', 'knowledge_entries', 'payment_intents', 'payment_transactions']

/** Makes ready to fill. The audit of what is filled in is left out: nothing that is measured reads it. Every other trigger stays. */
export const prepare = async (sql: Sql): Promise<void> => {
  await sql(said)
  await sql(months, [Math.ceil(DAYS / 28) + 1])
  for (const table of tables) await sql(`alter table ${table} disable trigger audit_insert`)
}

/** Fills rows number from + 1 to `to`. */
export const fillRows = async (sql: Sql, from: number, to: number): Promise<void> => {
  const fill = async (texts: readonly string[]) => {
    for (let first = from + 1; first <= to; first += CHUNK)
      for (const text of texts) await sql(text, [first, Math.min(to, first + CHUNK - 1)])
  }
  await Promise.all(lanes.map(fill))
  await sql('vacuum analyze')
}

/** The same of events, counted and reported. */
export const fillEvents = async (sql: Sql, ours: Child, from: number, to: number): Promise<void> => {
  for (let first = from + 1; first <= to; first += CHUNK) {
    await sql(events, [first, Math.min(to, first + CHUNK - 1), timeOf(first), DAILY])
    if ((first - 1) % (2 * CHUNK) === 0) await refreshReports(ours)
  }
  await refreshReports(ours)
  await sql('vacuum analyze')
}
