-- 024_documents: knowledge entries, documents with their chunks, and questions with their answers.
-- Needs 002_audit; 021 brings pgvector where it is to be had. Safe while functions serve: adds tables only.
-- `embedding_state` tells whether the searchable vectors of a row are there: they are kept elsewhere (item_vectors), as derived data.

set local role agenthub_owner;

-- SHA-256 of a text's UTF-8, in hexadecimal. (Immutable in fact: the encoding is named. plpgsql, because it could not be inlined.)
create function text_hash(content text) returns text language plpgsql immutable parallel safe as $$
begin
return encode(sha256(convert_to(content, 'UTF8')), 'hex');
end
$$;

create table knowledge_entries (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  agent_id text collate "C", -- as a dictionary entry named it: never refused at import
  title text not null check (char_length(title) <= 2000),
  content text not null check (char_length(content) <= 1000000),
  tags text[] not null default '{}',
  language text check (language ~ '^[a-z]{2,3}$'), -- ISO 639; null where nobody said
  embedding_state text not null default 'pending' check (embedding_state in ('pending', 'done', 'failed', 'none')),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index knowledge_entries_newest on knowledge_entries (organization_id, created_at desc, id desc) where deleted_at is null;
create index knowledge_entries_agent on knowledge_entries (organization_id, agent_id, created_at desc, id desc) where deleted_at is null;
create index knowledge_entries_due on knowledge_entries (organization_id, id) where deleted_at is null and embedding_state in ('pending', 'failed');

-- `embeddings` is the caller's own vector of the whole document, its numbers as given, then zeros; `dimensions` says how many were given.
create table rag_documents (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  title text not null check (char_length(title) <= 2000),
  content text not null check (char_length(content) <= 10000000),
  content_hash text collate "C" not null generated always as (text_hash(content)) stored,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  language text check (language ~ '^[a-z]{2,3}$'),
  embeddings real[],
  dimensions int check (dimensions between 1 and 1536),
  chunks_given boolean not null default false, -- the caller cut it up; else we do
  chunk_count int check (chunk_count >= 0), -- null while it is still to be cut up
  embedding_state text not null default 'pending' check (embedding_state in ('pending', 'done', 'failed', 'none')),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id),
  check ((embeddings is null) = (dimensions is null))
);
create index rag_documents_newest on rag_documents (organization_id, created_at desc, id desc) where deleted_at is null;
create index rag_documents_due on rag_documents (organization_id, id) where deleted_at is null and embedding_state in ('pending', 'failed');
create index rag_documents_whole on rag_documents (organization_id, id) where deleted_at is null and chunk_count is null;

-- A document in pieces, numbered from 1; they go when it is removed. `start_at` counts characters from 0: what we cut out stands at
-- substr(content, start_at + 1) of its document; null where the caller gave the chunk.
create table rag_chunks (
  organization_id text collate "C" not null,
  document_id text collate "C" not null,
  number int not null check (number >= 1),
  content text not null,
  content_hash text collate "C" not null generated always as (text_hash(content)) stored,
  start_at int check (start_at >= 0),
  primary key (organization_id, document_id, number),
  foreign key (organization_id, document_id) references rag_documents (organization_id, id)
);

create table faqs (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  question text not null check (char_length(question) <= 100000),
  answer text not null check (char_length(answer) <= 1000000),
  category text collate "C" check (char_length(category) <= 1000),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  language text check (language ~ '^[a-z]{2,3}$'),
  embedding_state text not null default 'pending' check (embedding_state in ('pending', 'done', 'failed', 'none')),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index faqs_newest on faqs (organization_id, created_at desc, id desc) where deleted_at is null;
create index faqs_due on faqs (organization_id, id) where deleted_at is null and embedding_state in ('pending', 'failed');

do $$
begin
if to_regtype('vector') is not null then
  execute 'alter table rag_documents alter column embeddings type vector(1536)';
end if;
end
$$;

select make_tenant_table('knowledge_entries'), make_tenant_table('rag_documents'), make_tenant_table('rag_chunks'), make_tenant_table('faqs');
-- A vector leaves a mark in the audit, not its 1,536 numbers; what we derive by ourselves is no event.
select make_audited('knowledge_entries', 'knowledge_entry', '{}', '{embedding_state}'),
  make_audited('rag_documents', 'document', '{embeddings}', '{content_hash, dimensions, chunks_given, chunk_count, embedding_state}'),
  make_audited('faqs', 'faq', '{}', '{embedding_state}');

reset role;
