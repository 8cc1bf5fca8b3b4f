import { hash, randomBytes } from 'node:crypto'

/** One step of a request that is traced. Times are milliseconds, `start` since 1970; ids are hexadecimal, as W3C's traceparent has them. */
export type Span = {
  trace: string
  id: string
  parent: string | undefined
  name: string
  kind: 'server' | 'client'
  start: number
  duration: number
  failed: boolean
  attributes: Record<string, string | number>
}

/** A request that is traced. */
export type Trace = {
  readonly id: string
  /** Whose request it is: kept as a hash. */
  tenant(organization: string): void
  /** Notes a round trip to the database. */
  query<T>(statement: string, trip: () => Promise<T>): Promise<T>
  end(route: string, status: number): void
}

export type Traces = {
  /** The trace of a request with this traceparent, where it is one of the sample. */
  begin(traceparent: string | undefined): Trace | undefined
  /** What was traced since the last time. */
  take(): Span[]
}

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/

/** Spans that wait to be taken; what comes beyond is dropped: whoever calls may ask for any number. */
const MOST = 2000

/** 16 hexadecimal digits that tell organizations apart and name none. */
export const tenantHash = (organization: string): string => hash('sha256', `tenant ${organization}`).slice(0, 16)

/** Traces what a caller's traceparent has sampled, and of the requests without one a `share` (0 to 1). */
export const makeTraces = (share: number, random: () => number = Math.random): Traces => {
  let spans: Span[] = []
  const keep = (span: Span) => {
    if (spans.length < MOST) spans.push(span)
  }
  return {
    begin: traceparent => {
      if (traceparent === undefined ? random() >= share : !isSampled(traceparent)) return undefined
      const [, trace = randomBytes(16).toString('hex'), parent] = TRACEPARENT.exec(traceparent ?? '') ?? []
      return traced(trace, parent, keep)
    },
    take: () => {
      const taken = spans
      spans = []
      return taken
    },
  }
}

const isSampled = (traceparent: string): boolean => (Number.parseInt(TRACEPARENT.exec(traceparent)?.[3] ?? '0', 16) & 1) === 1

const newSpanId = () => randomBytes(8).toString('hex')

const traced = (trace: string, parent: string | undefined, keep: (span: Span) => void): Trace => {
  const id = newSpanId()
  const epoch = Date.now() - performance.now()
  const begun = performance.now()
  let tenant: Record<string, string> = {}
  const span = (from: number, more: Pick<Span, 'id' | 'parent' | 'name' | 'kind' | 'failed' | 'attributes'>): Span => ({
    ...more,
    trace,
    start: epoch + from,
    duration: performance.now() - from,
    attributes: { ...tenant, ...more.attributes },
  })
  return {
    id: trace,
    tenant: organization => {
      tenant = { 'tenant.hash': tenantHash(organization) }
    },
    query: async (statement, trip) => {
      const from = performance.now()
      const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': statement }
      let failed = true
      try {
        const answer = await trip()
        failed = false
        return answer
      } finally {
        keep(span(from, { id: newSpanId(), parent: id, name: statement, kind: 'client', failed, attributes }))
      }
    },
    end: (route, status) => {
      const attributes = { 'http.route': route, 'http.response.status_code': status }
      keep(span(begun, { id, parent, name: route, kind: 'server', failed: status >= 500, attributes }))
    },
  }
}
