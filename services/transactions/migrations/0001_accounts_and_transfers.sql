-- The ledger itself: accounts, and append-only transfers and entries, with every rule of money that a constraint can hold.
-- A balance is credits minus debits in minor units, for every account of either normal side: so all balances sum to zero.

CREATE TABLE accounts (
  id            uuid PRIMARY KEY,
  owner         text NOT NULL CHECK (owner <> ''),
  name          text CHECK (char_length(name) <= 100),
  currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  kind          text NOT NULL CHECK (kind IN ('customer', 'system')),
  normal_side   text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
  overdraft     text NOT NULL CHECK (overdraft IN ('forbidden', 'allowed')),
  status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'frozen', 'closed')),
  balance_minor bigint NOT NULL DEFAULT 0,
  -- Counts the entries of the account: the place of the last one in its statement.
  version       bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT balance_within_policy CHECK (
    overdraft = 'allowed'
    OR (normal_side = 'credit' AND balance_minor >= 0)
    OR (normal_side = 'debit' AND balance_minor <= 0))
) WITH (fillfactor = 80);  -- Room for balance updates on the same page, which then touch no index.

CREATE INDEX accounts_by_owner ON accounts (owner, id);
CREATE UNIQUE INDEX one_system_account_a_purpose_and_currency ON accounts (owner, currency) WHERE kind = 'system';

CREATE TABLE transfers (
  id             uuid PRIMARY KEY,
  debit_account  uuid NOT NULL REFERENCES accounts (id),
  credit_account uuid NOT NULL REFERENCES accounts (id),
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  currency       text NOT NULL,
  reference      text CHECK (char_length(reference) <= 140),
  created_at     timestamptz NOT NULL,
  CONSTRAINT between_two_accounts CHECK (debit_account <> credit_account)
);

CREATE TABLE entries (
  account_id          uuid NOT NULL REFERENCES accounts (id),
  -- The key makes the entries of an account gapless and countable: entry n was its n-th.
  account_version     bigint NOT NULL CHECK (account_version > 0),
  transfer_id         uuid NOT NULL REFERENCES transfers (id),
  amount_minor        bigint NOT NULL CHECK (amount_minor <> 0),
  balance_after_minor bigint NOT NULL,
  created_at          timestamptz NOT NULL,
  PRIMARY KEY (account_id, account_version)
);

CREATE INDEX entries_by_transfer ON entries (transfer_id);

-- Checked once a statement over all its new rows, so a batch of a hundred transfers pays for one check.
CREATE FUNCTION assert_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
  SELECT fresh.transfer_id INTO wrong
    FROM fresh JOIN transfers ON transfers.id = fresh.transfer_id
   GROUP BY fresh.transfer_id, transfers.amount_minor, transfers.debit_account, transfers.credit_account
  HAVING count(*) <> 2
      OR sum(fresh.amount_minor) <> 0
      OR sum(fresh.amount_minor) FILTER (WHERE fresh.account_id = transfers.debit_account) IS DISTINCT FROM -transfers.amount_minor
      OR sum(fresh.amount_minor) FILTER (WHERE fresh.account_id = transfers.credit_account) IS DISTINCT FROM transfers.amount_minor
   LIMIT 1;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'entries of transfer % are not one debit and one credit of its amount', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER entries_balance AFTER INSERT ON entries
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION assert_entries_balance();

-- The grants below say the same; this also stops the owner of the schema, who has every right.
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: correct a transfer by posting its reversal', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- One row a request that moved money or was refused. The answer given is stored as its outcome and the id of the transfer,
-- whose columns never change: the same answer can be given again to the letter.
CREATE TABLE idempotency_keys (
  -- Whose key it is: the subject id, and for a deposit also the account, as such a key lives on the shard of that account.
  scope        text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
  outcome      text NOT NULL,
  transfer_id  uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (scope, key)
);

GRANT SELECT, INSERT ON accounts, transfers, entries, idempotency_keys TO transactions;
-- Owner, currency, kind, side and policy of an account are for life.
GRANT UPDATE (balance_minor, version, status) ON accounts TO transactions;
-- A claim is written as posted and corrected in the same transaction if the transfer is refused.
GRANT UPDATE (outcome) ON idempotency_keys TO transactions;
