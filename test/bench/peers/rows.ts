/** Whose agents are read, and whose are written: so the reads find the same rows from the first request to the last. */
export const READER = 'acme'
export const WRITER = 'writer'
export const organizations = [READER, 'borealis', 'cumulus', 'delphi', 'equinox']
export const ROWS = 10_000
export const PAGE = 50
export const BULK = 1_000

/** An agent without its id, about 400 bytes on the wire with it. */
export const fields = (name: string) => ({
  name,
  industry: 'hospitality',
  description: 'Answers guests',
  configuration: { tone: 'warm', language: 'en', temperature: 0.2 },
})

export const idOf = (organization: string, n: number): string => `agt_${organization}_${String(n).padStart(6, '0')}`
export const nameOf = (n: number): string => `Agent ${String(n).padStart(6, '0')}`

/** The same rows for every server, one a second in each organization. */
const given = `select 'agt_' || organization || '_' || lpad(n::text, 6, '0') as id, organization, 'Agent ' || lpad(n::text, 6, '0') as name,
  'hospitality' as industry, 'Answers guests' as description, '{"tone": "warm", "language": "en", "temperature": 0.2}'::jsonb as configuration,
  timestamptz '2026-01-01' + n * interval '1 second' as at
from generate_series(1, ${ROWS}) n, unnest(array['${organizations.join("', '")}']) organization`

export const fill = `insert into agents (organization_id, id, name, industry, description, configuration, status, version, created_at, updated_at)
select organization, id, name, industry, description, configuration, 'active', nextval('row_version'), at, at from (${given}) given`

/** Into Parse's own table; it makes no index for a filter of its callers, so that one is made by hand. */
export const fillParse = [
  `insert into "Agent" ("objectId", organization_id, name, industry, description, configuration, status, "createdAt", "updatedAt")
select id, organization, name, industry, description, configuration, 'active', at, at from (${given}) given`,
  'create index on "Agent" (organization_id, "createdAt" desc)',
]

/** Ids that are read in turn, so that no server answers the same row over and over. */
export const read = Array.from({ length: 2000 }, (_, i) => i * (ROWS / 2000) + 1)
