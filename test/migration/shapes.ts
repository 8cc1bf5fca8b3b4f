import type { Collection } from '../../shared/db/legacy.ts'

/** Scratch tables, and dictionaries of every shape over them: what a domain's legacy.ts can say. */

const table = (name: string, columns: string, { deleted = true, key = 'organization_id, id', by = '' } = {}) => `
create table ${name} (organization_id text collate "C" not null, id text collate "C" not null, ${columns}, extra jsonb, version bigint not null,
  created_at timestamptz not null, updated_at timestamptz not null ${deleted ? ', deleted_at timestamptz' : ''}, primary key (${key})) ${by};
alter table ${name} owner to agenthub_owner;
select make_tenant_table('${name}');`

export const tables = [
  table('s_tables', 'columns jsonb not null, implicit boolean not null default false'),
  table(
    's_records',
    'table_id text collate "C" not null, record_id text collate "C" not null, data jsonb not null, foreign key (organization_id, table_id) references s_tables',
  ),
  table('s_events', 'agent_id text, event_type text not null, event_data jsonb', {
    deleted: false,
    key: 'organization_id, id, created_at',
    by: 'partition by range (created_at)',
  }),
  `create table s_event_ids (organization_id text collate "C", id text collate "C", created_at timestamptz, primary key (organization_id, id));
  grant select, insert on s_event_ids to agenthub_jobs;
  create function s_months(times timestamptz[]) returns bigint language sql security definer as
    $$ select count(make_month_partitions('s_events', t, 1)) from unnest(times) t $$;
  grant execute on function s_months to agenthub_jobs;`,
  table('s_metrics', 'value jsonb not null, ttl_seconds bigint, expires_at timestamptz'),
  table(
    's_intents',
    `amount bigint not null check (amount >= 0), currency text not null check (currency = lower(currency)), status text not null,
    client_secret text, metadata jsonb, amount_received bigint not null, amount_capturable bigint not null`,
  ),
  table('s_transactions', 'intent_id text, amount bigint not null, currency text not null, type text not null, status text not null', {
    deleted: false,
  }),
  `create table s_ledger (organization_id text, transaction_id text, account text, amount bigint, foreign key (organization_id, transaction_id) references s_transactions);
  grant select, insert on s_ledger to agenthub_jobs;
  revoke update, delete on s_events, s_transactions from agenthub_jobs;`,
  table('s_knowledge', 'agent_id text, title text not null, content text not null, tags text[]'),
  table('s_embeddings', 'embedding real[] not null, provider text not null, model text not null, dimensions int not null'),
  table('s_documents', 'title text not null, content text not null, metadata jsonb, content_hash text not null'),
  table('s_faqs', 'question text not null, answer text not null, category text'),
]

export const declared = {
  tables: {
    name: 's_tables',
    table: 's_tables',
    entry: {
      id: 'name',
      fields: [
        { field: 'columns', column: 'columns', type: 'object', required: true },
        { field: 'created_at', column: 'created_at', type: 'time' },
      ],
    },
    only: 'not r.implicit',
    replaces: 'r.implicit',
    derived: { implicit: 'false' },
    also: {
      strays: `select r.organization_id, r.id, w.organization_id as home, nextval('row_version') as version
from written w join s_tables t on t.implicit and t.id = w.id and t.organization_id <> w.organization_id
join s_records r on r.organization_id = t.organization_id and r.table_id = t.id`,
      adopted: `update s_records r set organization_id = s.home, version = s.version, extra = jsonb_set(r.extra, '{imported,0}', to_jsonb(s.version))
from strays s where r.organization_id = s.organization_id and r.id = s.id`,
      left_over: `delete from s_tables t using written w where t.implicit and t.id = w.id and t.organization_id <> w.organization_id`,
    },
  },
  database: {
    name: 's_records',
    table: 's_records',
    entry: { scalar: { column: 'data', type: 'object' } },
    nested: { kind: 'map', key: 'table_id', place: 'record_id', id: "char_length(key) || ':' || key || '/' || place" },
    organization: 'select min(t.organization_id) from s_tables t where t.id = key and t.deleted_at is null having count(*) = 1',
    also: {
      implied: `insert into s_tables (organization_id, id, columns, implicit, version, created_at, updated_at)
select organization_id, key, '{}', true, nextval('row_version'), now(), now()
from (select distinct organization_id, key from written where fresh) t on conflict do nothing`,
    },
  },
  events: {
    name: 's_events',
    table: 's_events',
    entry: {
      fields: [
        { field: 'event', column: 'event_type', type: 'text', required: true },
        { field: 'properties', column: 'event_data', type: 'json' },
        { field: 'timestamp', column: 'created_at', type: 'time' },
      ],
    },
    nested: {
      kind: 'list',
      key: 'agent_id',
      id: "'legacy:' || key || ':' || place",
      order: `substring(r.id from '^legacy:.*:(\\d+)$')::bigint nulls last, r.created_at, r.id`,
    },
    fixed: true,
    claims: 's_event_ids',
    before: "select s_months(array_agg(distinct date_trunc('month', coalesce((entry ->> 'timestamp')::timestamptz, now())))) from good",
  },
  metrics: {
    name: 's_metrics',
    table: 's_metrics',
    entry: {
      fields: [
        { field: 'value', column: 'value', type: 'json', absent: "'null'" },
        { field: 'computed_at', column: 'created_at', type: 'time' },
        { field: 'ttl', column: 'ttl_seconds', type: 'integer' },
      ],
    },
    derived: { expires_at: "created_at + ttl_seconds * interval '1 second'" },
  },
  intents: {
    name: 's_intents',
    table: 's_intents',
    entry: {
      id: 'id',
      fields: [
        { field: 'amount', column: 'amount', type: 'integer', required: true },
        { field: 'currency', column: 'currency', type: 'lowercase', required: true },
        { field: 'status', column: 'status', type: 'text', required: true },
        { field: 'client_secret', column: 'client_secret', type: 'text' },
        { field: 'metadata', column: 'metadata', type: 'json' },
        { field: 'created', column: 'created_at', type: 'unix' },
      ],
    },
    derived: {
      amount_received: "case status when 'succeeded' then amount else 0 end",
      amount_capturable: "case status when 'requires_capture' then amount else 0 end",
    },
  },
  transactions: {
    name: 's_transactions',
    table: 's_transactions',
    entry: {
      id: 'id',
      fields: [
        { field: 'payment_intent', column: 'intent_id', type: 'text' },
        { field: 'amount', column: 'amount', type: 'integer', required: true },
        { field: 'currency', column: 'currency', type: 'lowercase', required: true },
        { field: 'type', column: 'type', type: 'text', required: true },
        { field: 'status', column: 'status', type: 'text', required: true },
        { field: 'created_at', column: 'created_at', type: 'time' },
      ],
    },
    fixed: true,
    also: {
      posted: `insert into s_ledger (organization_id, transaction_id, account, amount)
select organization_id, id, account, sign * amount from written, (values ('available', 1), ('customer', -1)) side (account, sign) where status = 'completed'`,
    },
  },
  knowledge: {
    name: 's_knowledge',
    table: 's_knowledge',
    entry: {
      id: 'id',
      fields: [
        { field: 'agent_id', column: 'agent_id', type: 'text' },
        { field: 'title', column: 'title', type: 'text', required: true },
        { field: 'content', column: 'content', type: 'text', required: true },
        { field: 'tags', column: 'tags', type: 'texts' },
        { field: 'created_at', column: 'created_at', type: 'time' },
      ],
    },
  },
  embeddings: {
    name: 's_embeddings',
    table: 's_embeddings',
    entry: { scalar: { column: 'embedding', type: 'floats' } },
    derived: { provider: "'legacy'", model: "'legacy'", dimensions: 'cardinality(embedding)' },
  },
  documents: {
    name: 's_documents',
    table: 's_documents',
    entry: {
      id: 'id',
      fields: [
        { field: 'title', column: 'title', type: 'text', absent: "''" },
        { field: 'content', column: 'content', type: 'text', absent: "''" },
        { field: 'metadata', column: 'metadata', type: 'json' },
      ],
    },
    derived: { content_hash: "encode(sha256(convert_to(content, 'UTF8')), 'hex')" },
  },
  faqs: {
    name: 's_faqs',
    table: 's_faqs',
    entry: {
      id: 'id',
      fields: [
        { field: 'question', column: 'question', type: 'text', required: true },
        { field: 'answer', column: 'answer', type: 'text', required: true },
        { field: 'category', column: 'category', type: 'text' },
      ],
    },
  },
} satisfies Record<string, Collection>

const home = 'org_shapes'

/** A dictionary of each shape, with the oddities of real ones. */
export const dictionaries: { [shape in keyof typeof declared]: string } = {
  tables: `{"notes":{"name":"notes","columns":{"text":"string","nested":"json"}},
    "hotels":{"name":"hotels","organization_id":"${home}","columns":{},"created_at":"2026-03-01T08:00:00"}}`,
  database: `{"notes":{"1":{"text":"","n":12345678901234567890},"a/b~":{"when":null}},"empty":{},"hotels":{"1":{"text":"other"},"__proto__":{}}}`,
  events: `{"agent_4":[{"event":"x","organization_id":"${home}","timestamp":"2015-05-17T10:05:03+00:00","properties":{"bytes":203023}},
    {"event":"x","organization_id":"${home}","timestamp":"2015-05-17T10:05:03+00:00","properties":{"bytes":203023}},
    {"event":"y","organization_id":"org_shapes_other","timestamp":"2014-01-01T00:00:00Z","properties":null,"more":[1.50]},
    {"event":"z"}],"agent:5":[],"agent_6":[{"event":"x","timestamp":"2016-01-01T00:00:00"}]}`,
  metrics: `{"agent_4:requests":{"value":204,"computed_at":"2026-03-01T08:00:00","ttl":3600},"rate":{"value":0.0213,"computed_at":"2026-03-01T08:00:00","ttl":60},
    "none":{"value":null,"ttl":null},"bare":{}}`,
  intents: `{"pi_1":{"id":"pi_1","organization_id":"${home}","amount":8900,"currency":"usd","status":"succeeded","client_secret":"s","metadata":{"a":"b"},"created":1772801332},
    "pi_2":{"id":"pi_2","amount":5.0,"currency":"USD","status":"requires_capture","metadata":{},"created":1772801332.123456789},
    "pi_zero":{"id":"other","amount":0,"currency":"jpy","status":"requires_payment_method","created":null}}`,
  transactions: `{"txn_1":{"id":"txn_1","payment_intent":"pi_1","amount":8900,"currency":"usd","type":"charge","status":"completed","created_at":"2026-03-06T12:48:52"},
    "txn_refund":{"id":"txn_refund","payment_intent":"of another","organization_id":"org_shapes_other","amount":-500,"currency":"usd","type":"refund","status":"completed"},
    "txn_open":{"amount":1,"currency":"eur","type":"charge","status":"pending"}}`,
  knowledge: `{"kb_1":{"id":"kb_1","title":"T","content":"C","tags":["b","a","b",""],"created_at":"2026-03-01T08:00:00"},
    "kb_2":{"title":"T","content":"","tags":[]},"kb_3":{"title":"T","content":"","tags":null,"agent_id":null},"kb_4":{"title":"T","content":""}}`,
  embeddings: `{"36b33":[0.023049,-0.019802,1,0],"exact":[0.1234567890123,1e-7],"none":[],"whole":[16777217]}`,
  documents: `{"doc_1":{"id":"doc_1","organization_id":"${home}","title":"","content":"","metadata":{"author":"a"}},"doc_2":{"title":"t","content":"c"},"doc_3":{"content":null}}`,
  faqs: `{"faq_1":{"id":"faq_1","question":"${'?'.repeat(4000)}","answer":"A","category":null},"faq_2":{"question":"q","answer":"a"}}`,
}

export const counts: { [shape in keyof typeof declared]: number } = {
  tables: 2,
  database: 4,
  events: 5,
  metrics: 4,
  intents: 3,
  transactions: 3,
  knowledge: 4,
  embeddings: 4,
  documents: 3,
  faqs: 2,
}
