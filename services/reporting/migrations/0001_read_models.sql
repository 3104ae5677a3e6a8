-- Read models of the ledger's events. Nothing here is the truth: all of it can be built again from the events, and is
-- written in one transaction with the position up to which it is built.

CREATE TABLE consumer_position (
  topic    text NOT NULL,
  shard    int NOT NULL,
  epoch    int NOT NULL,
  sequence bigint NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, shard)
);

-- The events of an account come in order, unless its bucket moves: then those of its old and its new shard come from two partitions, in any
-- order. So nothing here depends on it: a row may be made by whatever tells of the account first, and is shown once its opening has come.
CREATE TABLE account_balances (
  account_id            uuid PRIMARY KEY,
  -- Null until the opening has come.
  owner                 text,
  kind                  text,
  opened_at             timestamptz,
  currency              text,
  -- Null is "as it was opened".
  status                text,
  -- Below zero by how much it may go; null is without limit. Of no meaning before limit_known.
  overdraft_limit_minor bigint,
  limit_known           boolean NOT NULL DEFAULT false,
  -- Credits minus debits, as the ledger keeps it.
  balance_minor         bigint NOT NULL DEFAULT 0,
  -- Of the entry that left this balance: an older one never overwrites it.
  entry_version         bigint NOT NULL DEFAULT 0,
  -- What open holds reserve. Placing adds and closing takes away, in whichever order they come.
  held_minor            bigint NOT NULL DEFAULT 0,
  -- Grows with every event of the account. Part of the key of whatever is cached about it: an old answer has an old key.
  version               bigint NOT NULL DEFAULT 1,
  changed_at            timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX account_balances_by_owner ON account_balances (owner, account_id);

-- The same for all accounts of an owner together.
CREATE TABLE owner_versions (
  owner   text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 80);

CREATE TABLE statement_lines (
  account_id          uuid NOT NULL,
  -- Its place among the entries of the account, as the ledger counts them: without gaps, whatever shard the account was on.
  entry_version       bigint NOT NULL,
  transfer_id         uuid NOT NULL,
  kind                text NOT NULL,
  -- The other account of a transfer between two; null where there were more.
  counterparty        uuid,
  amount_minor        bigint NOT NULL CHECK (amount_minor <> 0),
  balance_after_minor bigint NOT NULL,
  reference           text,
  external_reference  text,
  occurred_at         timestamptz NOT NULL,
  PRIMARY KEY (account_id, entry_version)
);

CREATE INDEX statement_lines_by_time ON statement_lines (account_id, occurred_at);

GRANT USAGE ON SCHEMA public TO reporting;
GRANT SELECT, INSERT, UPDATE ON consumer_position, account_balances, owner_versions TO reporting;
GRANT SELECT, INSERT ON statement_lines TO reporting;
