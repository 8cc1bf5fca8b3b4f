-- 005_agents: the agents of an organization, and its counters.
-- Needs 004_idempotency. Safe while functions serve: adds tables only.
-- `extra` holds what an imported dictionary entry carried and no column can give back; a removed row stays as its own tombstone.

set local role agenthub_owner;

create table agents (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  name text not null check (char_length(name) between 1 and 255),
  industry text check (char_length(industry) <= 100),
  description text,
  configuration jsonb, -- absent is null, null is 'null', and {} is itself
  status text not null default 'active' check (status in ('active', 'paused', 'archived')),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index agents_newest on agents (organization_id, created_at desc, id desc) where deleted_at is null;

create table counters (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200), -- the counter's name
  name text collate "C" not null generated always as (id) stored,
  value numeric not null,
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);

select make_tenant_table('agents'), make_tenant_table('counters');
select make_audited('agents', 'agent'), make_audited('counters', 'counter');

reset role;
