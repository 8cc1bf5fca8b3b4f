-- 022_embeddings_cache: vectors of texts, kept by what made them and the hash of the text.
-- Needs 001_foundation, 002_audit. Safe while functions serve: adds a table only.
-- The digits are those of 32 bits; what they cannot hold of a caller's vector is in `extra`, as an import leaves it.

set local role agenthub_owner;

create table embeddings_cache (
  organization_id text collate "C" not null,
  -- what tells the vector from every other, in one text (shared/embeddings/key.ts); of an old dictionary's the key itself
  id text collate "C" not null check (char_length(id) between 1 and 700),
  provider text collate "C" not null check (char_length(provider) between 1 and 50), -- `caller`: somebody brought it; `legacy`: imported
  model text collate "C" not null check (char_length(model) between 1 and 200),
  dimensions int not null check (dimensions = cardinality(embedding)),
  normaliser int not null, -- the version of what is done to a text before it is embedded
  text_hash text collate "C" not null check (char_length(text_hash) between 1 and 200), -- SHA-256 of the text, hexadecimal
  embedding real[] not null,
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index embeddings_cache_text on embeddings_cache (organization_id, model, text_hash) where deleted_at is null;

select make_tenant_table('embeddings_cache');
-- no secrets, but thousands of digits that would say nothing in the audit: which text and which model is told
select make_audited('embeddings_cache', 'embedding', '{embedding,extra}');

reset role;
