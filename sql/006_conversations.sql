-- 006_conversations: what was said, by whom, to which agent.
-- Needs 005_agents. Safe while functions serve: adds tables only.
-- Messages are numbered by their conversation, whose row is locked while numbers are drawn; they go when it is removed.

set local role agenthub_owner;

create table conversations (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  agent_id text collate "C", -- as a dictionary entry named it: never refused at import
  metadata jsonb not null default '{}',
  message_count int not null default 0 check (message_count >= 0),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index conversations_newest on conversations (organization_id, created_at desc, id desc) where deleted_at is null;
create index conversations_agent on conversations (organization_id, agent_id, created_at desc, id desc) where deleted_at is null;

-- The first 250,000 characters are searched: a tsvector ends at 1 MB.
create table messages (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  conversation_id text collate "C" not null,
  number int not null check (number >= 1),
  role text not null check (role in ('user', 'assistant', 'system', 'tool')),
  content text not null,
  metadata jsonb not null default '{}',
  extra jsonb,
  search tsvector generated always as (to_tsvector('english', left(content, 250000))) stored,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  unique (organization_id, conversation_id, number),
  foreign key (organization_id, conversation_id) references conversations (organization_id, id)
);
create index messages_search on messages using gin (organization_id, search);

select make_tenant_table('conversations'), make_tenant_table('messages');
select make_audited('conversations', 'conversation'), make_audited('messages', 'message', '{}', '{search}');

reset role;
