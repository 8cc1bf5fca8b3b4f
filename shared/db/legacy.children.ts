import { childrenOf } from './legacy.entry.ts'
import { columnOf, extraOf, notesOf } from './legacy.fields.ts'
import type { Children } from './legacy.ts'

/** The children of rows that were made or changed: written over what the last import made of them, and no more than there are. */
export const childrenText = (children: Children): string => {
  const { table, parent, number, fields } = children
  const names = fields.map(({ column }) => column)
  const stamps = ['created_at', 'updated_at'].filter(column => !names.includes(column))
  const into = [parent, number, ...names, ...stamps, 'extra']
  return `, child as (
  select p.organization_id, p.id as ${parent}, c.number::int as ${number}, c.entry, ${fields.map(field => `${columnOf(field, 'c.entry')} as ${field.column}`).join(', ')}
  from written p cross join lateral jsonb_array_elements(${childrenOf(children, 'p.entry')}) with ordinality c (entry, number) offset 0
), child_ready as (
  select c.*, ${extraOf()} as extra
  from (select c.*, ${notesOf(fields, 'entry')} from child c offset 0) c offset 0
), said as (
  insert into ${table} (organization_id, id, ${into.join(', ')}, version)
  select organization_id, ${parent} || ':' || ${number}, ${[parent, number, ...names, ...stamps.map(() => 'now()'), "nullif(extra, '{}')"].join(', ')}, nextval('row_version')
  from child_ready
  on conflict (organization_id, id) do update
  set ${into.map(column => `${column} = excluded.${column}`).join(', ')}, version = nextval('row_version')
), gone as (
  delete from ${table} t using ready p
  where not p.fresh and t.organization_id = p.organization_id and t.${parent} = p.id
    and t.${number} > jsonb_array_length(${childrenOf(children, 'p.entry')})
)`
}
