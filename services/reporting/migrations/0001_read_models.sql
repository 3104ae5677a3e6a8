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

CREATE TABLE account_balances (
  account_id    uuid PRIMARY KEY,
  owner         text NOT NULL,
  currency      text NOT NULL,
  kind          text NOT NULL,
  -- Credits minus debits, as the ledger keeps it.
  balance_minor bigint NOT NULL DEFAULT 0,
  -- Grows with every event of the account. Part of the key of whatever is cached about it: an old answer has an old key.
  version       bigint NOT NULL DEFAULT 1,
  opened_at     timestamptz NOT NULL,
  changed_at    timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX account_balances_by_owner ON account_balances (owner, account_id);

-- The same for all accounts of an owner together.
CREATE TABLE owner_versions (
  owner   text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 80);

CREATE TABLE statement_lines (
  account_id          uuid NOT NULL REFERENCES account_balances (account_id),
  epoch               int NOT NULL,
  -- Of the event that the line comes from: it orders the lines of an account.
  sequence            bigint NOT NULL,
  transfer_id         uuid NOT NULL,
  counterparty        uuid NOT NULL,
  amount_minor        bigint NOT NULL CHECK (amount_minor <> 0),
  balance_after_minor bigint NOT NULL,
  reference           text,
  occurred_at         timestamptz NOT NULL,
  PRIMARY KEY (account_id, epoch, sequence)
);

CREATE INDEX statement_lines_by_time ON statement_lines (account_id, occurred_at);

GRANT USAGE ON SCHEMA public TO reporting;
GRANT SELECT, INSERT, UPDATE ON consumer_position, account_balances, owner_versions TO reporting;
GRANT SELECT, INSERT ON statement_lines TO reporting;
