import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Event } from './schema.ts'
import type { EventStore } from './store.ts'

/** An event as it is kept: with what an import left in `extra`, and `dataless` where it has no data, not even null. */
type Kept = Event & { organization_id: string; extra?: unknown; dataless: boolean; updated_at: string }
export type EventTable = Table<Kept, Event>

export const eventTable = (): EventTable =>
  makeTable({
    render: ({ id, event_type, event_data, agent_id, created_at }) => ({ id, event_type, event_data, agent_id, created_at }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

const sortable = (time: string): string => byTime([time])[0] as string

/** Events in this process: what the dictionary did. An event may name any agent, as it could there. */
export const memoryEvents = (table: EventTable = eventTable()): EventStore => ({
  ingest: async ({ organization_id }, events, at) => {
    const made = events.map(event =>
      table.create(organization_id, event.id, { ...event, organization_id, dataless: false, updated_at: at }),
    )
    return { accepted: made.filter(row => row !== undefined).length, refused: [] }
  },
  list: async (scope, slice, { event_type, agent_id, from, to }) => {
    const [first, beyond] = [from && sortable(from), to && sortable(to)]
    return table.list(
      scope.organization_id,
      slice,
      event =>
        (event_type === undefined || event.event_type === event_type) &&
        (agent_id === undefined || event.agent_id === agent_id) &&
        (first === undefined || sortable(event.created_at) >= first) &&
        (beyond === undefined || sortable(event.created_at) < beyond),
    )
  },
})
