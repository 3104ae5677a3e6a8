-- Events leave with the business transaction that they tell of, or not at all: written here in that transaction, numbered and published
-- by the relay of services/kit/src/outbox.ts. A service's own migration contains this text, followed by the grants of its role.
create table outbox (
  id          bigint generated always as identity primary key,
  event_id    uuid not null default gen_random_uuid(),
  type        text not null,
  data        jsonb not null,
  traceparent text,
  actor       text not null,
  occurred_at timestamptz not null default clock_timestamp(),
  -- Given by the relay in the order in which rows became visible; ids are taken before the commit and leave gaps.
  epoch       integer,
  sequence    bigint,
  check ((epoch is null) = (sequence is null))
);
create index outbox_unnumbered on outbox (id) where sequence is null;
create unique index outbox_sequence on outbox (epoch, sequence) where sequence is not null;

-- One row a shard that lives in this database. A watermark instead of a flag on each row, as it spares half of the writes.
create table event_stream (
  shard              integer primary key,
  epoch              integer not null default 1 check (epoch > 0),
  last_sequence      bigint not null default 0 check (last_sequence >= 0),
  published_sequence bigint not null default 0 check (published_sequence between 0 and last_sequence)
);

-- A ledger database is one shard; the setup job says which.
INSERT INTO event_stream (shard) VALUES (current_setting('holdfast.shard')::int);

GRANT USAGE ON SCHEMA public TO transactions;
GRANT SELECT, INSERT ON outbox TO transactions;
GRANT UPDATE (epoch, sequence) ON outbox TO transactions;
GRANT SELECT ON event_stream TO transactions;
GRANT UPDATE (last_sequence, published_sequence) ON event_stream TO transactions;
