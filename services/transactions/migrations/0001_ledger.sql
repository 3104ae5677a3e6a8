-- The ledger itself: accounts, holds, and append-only transfers and entries, with every rule of money that a constraint can hold.
-- A balance is credits minus debits in minor units, for every account of either normal side: so all balances sum to zero.
--
-- No table refers to another by a foreign key but outgoing_transfers: each of six such checks for a two-leg transfer cost as much as writing a row
-- (measured: platform/decisions/0011). What they would have said is so by post_batch, which writes these rows and holds the accounts' locks,
-- and `holdfast ledger verify` proves it of the whole ledger.

CREATE TABLE accounts (
  id                    uuid PRIMARY KEY,
  owner                 text NOT NULL CHECK (owner <> ''),
  name                  text CHECK (char_length(name) <= 100),
  currency              text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  kind                  text NOT NULL CHECK (kind IN ('customer', 'system')),
  normal_side           text NOT NULL CHECK (normal_side IN ('debit', 'credit')),
  status                text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'frozen', 'closed')),
  overdraft_limit_minor bigint DEFAULT 0 CHECK (overdraft_limit_minor >= 0),
  balance_minor         bigint NOT NULL DEFAULT 0,
  held_minor            bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
  -- Counts the entries of the account: the place of the last one in its statement.
  version               bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
  -- Counts the changes of status and limit, over all shards on which the account has been: the later of two events is known by it.
  change_version        bigint NOT NULL DEFAULT 0 CHECK (change_version >= 0),
  metadata              jsonb CHECK (octet_length(metadata::text) <= 8192),
  created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Written so that no intermediate result leaves 64 bits.
  CONSTRAINT balance_within_policy CHECK (
    overdraft_limit_minor IS NULL
    OR (normal_side = 'credit' AND balance_minor - held_minor >= -overdraft_limit_minor)
    OR (normal_side = 'debit' AND -balance_minor - held_minor >= -overdraft_limit_minor)),
  CONSTRAINT nothing_left_in_a_closed_account CHECK (status <> 'closed' OR held_minor = 0)
) WITH (fillfactor = 80);  -- Room for balance updates on the same page, which then touch no index.

COMMENT ON COLUMN accounts.overdraft_limit_minor IS 'how far below zero the available balance may go; 0: not at all, NULL: without limit';
COMMENT ON COLUMN accounts.held_minor IS 'what the open holds on the account reserve';

CREATE INDEX accounts_by_owner ON accounts (owner, id);
CREATE UNIQUE INDEX one_system_account_a_purpose_and_currency ON accounts (owner, currency) WHERE kind = 'system';

CREATE TABLE transfers (
  id                 uuid PRIMARY KEY,
  kind               text NOT NULL CHECK (kind IN ('transfer', 'deposit', 'withdrawal', 'capture', 'reversal', 'transit_in', 'transit_return')),
  reference          text CHECK (char_length(reference) <= 140),
  external_reference text CHECK (char_length(external_reference) <= 140),
  -- The API takes 4 kB as the client wrote it; Postgres writes the same with spaces.
  metadata           jsonb CHECK (octet_length(metadata::text) <= 8192),
  -- The transfer that this one takes back: of a reversal, and of the return of one that found no way into another shard.
  reverses           uuid,
  hold_id            uuid,
  created_at         timestamptz NOT NULL,
  CONSTRAINT reverses_by_kind CHECK ((reverses IS NOT NULL) = (kind IN ('reversal', 'transit_return'))),
  CONSTRAINT hold_by_kind CHECK ((hold_id IS NOT NULL) = (kind = 'capture'))
);

-- Partial, so that what is neither costs no index entry.
CREATE UNIQUE INDEX transfers_reversed_once ON transfers (reverses) WHERE reverses IS NOT NULL;
CREATE UNIQUE INDEX transfers_captured_once ON transfers (hold_id) WHERE hold_id IS NOT NULL;

CREATE TABLE entries (
  account_id          uuid NOT NULL,
  -- The key makes the entries of an account gapless and countable: entry n was its n-th.
  account_version     bigint NOT NULL CHECK (account_version > 0),
  transfer_id         uuid NOT NULL,
  currency            text NOT NULL,
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
  SELECT transfer_id INTO wrong FROM fresh GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'entries of transfer % do not sum to zero', wrong USING ERRCODE = 'check_violation';
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

-- Money that is promised: it stays in the debit account, where nobody can spend it, until it is captured, voided or too old.
-- A row changes only under the lock of its debit account, whose held_minor it is part of.
CREATE TABLE holds (
  id                 uuid PRIMARY KEY,
  debit_account      uuid NOT NULL,
  credit_account     uuid NOT NULL,
  currency           text NOT NULL,
  amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
  captured_minor     bigint NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND amount_minor),
  status             text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'captured', 'voided', 'expired')),
  expires_at         timestamptz NOT NULL,
  reference          text CHECK (char_length(reference) <= 140),
  external_reference text CHECK (char_length(external_reference) <= 140),
  metadata           jsonb CHECK (octet_length(metadata::text) <= 8192),
  created_at         timestamptz NOT NULL,
  closed_at          timestamptz,
  CONSTRAINT between_two_accounts CHECK (debit_account <> credit_account),
  CONSTRAINT captured_by_status CHECK ((captured_minor > 0) = (status = 'captured')),
  CONSTRAINT closed_by_status CHECK ((closed_at IS NULL) = (status = 'open'))
) WITH (fillfactor = 90);

CREATE INDEX holds_by_debit_account ON holds (debit_account, id);
CREATE INDEX holds_by_credit_account ON holds (credit_account, id);
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE status = 'open';

-- What has left this shard for another and waits in the account in transit: written with the first half, the list of the work of src/transit.
CREATE TABLE outgoing_transfers (
  transfer_id uuid PRIMARY KEY REFERENCES transfers (id),
  -- [{"account": "uuid", "amount": "100"}]: what the other shard is to credit.
  legs        jsonb NOT NULL,
  currency    text NOT NULL,
  state       text NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'settled', 'returned')),
  refusal     text,
  created_at  timestamptz NOT NULL,
  settled_at  timestamptz,
  CONSTRAINT settled_by_state CHECK ((settled_at IS NULL) = (state = 'sent')),
  CONSTRAINT refusal_by_state CHECK ((refusal IS NOT NULL) = (state = 'returned'))
);

CREATE INDEX outgoing_transfers_under_way ON outgoing_transfers (created_at) WHERE state = 'sent';

-- One row a request that moved money or was refused. The answer given is stored as its outcome and the id of what it is about,
-- whose row tells the rest: the same answer can be given again to the letter.
CREATE FUNCTION key_id(scope text, key text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN encode(substring(sha256(convert_to(scope || E'\n' || key, 'UTF8')) FOR 16), 'hex')::uuid;

CREATE TABLE idempotency_keys (
  -- Keys are random, so each lands on another page of the index, and what counts is how many pages there are: for these 16 bytes a third of what the
  -- texts took, whose reading, evicting and logging was the dearest part of a transfer. Two keys with one hash would be one key: within one person's, as
  -- the scope is hashed, too, and nobody finds such a pair for another.
  id           uuid GENERATED ALWAYS AS (key_id(scope, key)) STORED PRIMARY KEY,
  -- Whose key it is: the subject id, and for a deposit also the account, as such a key lives on the shard of that account.
  scope        text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL,
  -- With which bucket the row moves to another shard.
  bucket       int NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
  request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
  outcome      text NOT NULL,
  operation    text NOT NULL CHECK (operation IN ('transfer', 'hold', 'capture', 'void', 'expire', 'account')),
  -- What the answer is about: a transfer (of a capture, too), a hold, or an account that was opened.
  subject_id   uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- For the sweep of keys older than 30 days. Rows come in the order of their time, so a summary of each page range is enough, and next to free.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING brin (created_at);

GRANT SELECT, INSERT ON accounts, transfers, entries, holds, outgoing_transfers, idempotency_keys TO transactions;
-- Owner, currency, kind and side of an account are for life.
GRANT UPDATE (balance_minor, held_minor, version, change_version, status, overdraft_limit_minor, metadata) ON accounts TO transactions;
GRANT UPDATE (captured_minor, status, closed_at) ON holds TO transactions;
GRANT UPDATE (state, refusal, settled_at) ON outgoing_transfers TO transactions;
-- A claim is written as posted and corrected in the same transaction if the transfer is refused; the sweep deletes.
GRANT UPDATE (outcome), DELETE ON idempotency_keys TO transactions;
