-- Opening and changing accounts: rare, so plain and one at a time, but under the same locks as postings.
--
-- Each takes the shared advisory lock of post_batch (4706002): whoever moves a bucket takes it exclusively, so that no account is opened or changed where it
-- has just moved away from. That is answered `bucket_moved`, kept under no key, and tried again where the account is now.

CREATE FUNCTION is_bucket_here(wanted int) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT shard_map.shard = event_stream.shard FROM shard_map, event_stream WHERE bucket = wanted
$$;

-- A key is optional. `outcome` is posted, replayed (account_id is then the account of the first request), exists (a second system account of its
-- purpose and currency), idempotency_key_reused or bucket_moved.
CREATE FUNCTION open_account(
  new_id uuid, bucket int, owner text, name text, metadata text, currency text, kind text, normal_side text, overdraft_limit_minor bigint,
  actor text, traceparent text, scope text, key text, request_hash bytea, OUT outcome text, OUT account_id uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  opened accounts;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4706002);
  -- The ledger's own accounts stay where they are made.
  IF kind = 'customer' AND NOT is_bucket_here(bucket) THEN
    outcome := 'bucket_moved';
    RETURN;
  END IF;
  IF key IS NOT NULL THEN
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id)
    VALUES (scope, key, bucket, request_hash, 'posted', 'account', new_id)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      SELECT CASE WHEN k.request_hash = open_account.request_hash THEN 'replayed' ELSE 'idempotency_key_reused' END, k.subject_id INTO outcome, account_id
        FROM idempotency_keys k WHERE k.id = key_id(open_account.scope, open_account.key);
      RETURN;
    END IF;
  END IF;
  INSERT INTO accounts (id, owner, name, metadata, currency, kind, normal_side, overdraft_limit_minor)
  VALUES (new_id, owner, name, metadata::jsonb, currency, kind, normal_side, overdraft_limit_minor)
  ON CONFLICT DO NOTHING
  RETURNING accounts.* INTO opened;
  IF opened.id IS NULL THEN
    outcome := 'exists';
    RETURN;
  END IF;
  INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
  VALUES ('account.opened', opened.created_at, actor, traceparent, jsonb_build_object(
    'account_id', opened.id, 'owner', owner, 'currency', currency, 'kind', kind, 'overdraft_limit', opened.overdraft_limit_minor::text));
  outcome := 'posted';
  account_id := new_id;
END $$;

-- change: freeze, unfreeze, close, overdraft_limit or metadata. Repeating it changes nothing and is not refused.
-- owner: whose account it must be; null for operators.
CREATE FUNCTION change_account(
  wanted uuid, bucket int, change text, new_limit_minor bigint, new_metadata text, owner text, actor text, traceparent text, OUT outcome text)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  account accounts;
  changed accounts;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4706002);
  SELECT * INTO account FROM accounts WHERE id = wanted FOR NO KEY UPDATE;
  IF account.kind IS DISTINCT FROM 'system' AND NOT is_bucket_here(bucket) THEN
    outcome := 'bucket_moved';
    RETURN;
  ELSIF account.id IS NULL OR account.kind = 'system' OR account.owner <> owner THEN
    outcome := 'account_unknown';
    RETURN;
  END IF;
  outcome := 'posted';
  changed := account;
  IF account.status = 'closed' THEN
    IF change <> 'close' THEN outcome := 'account_closed'; END IF;
    RETURN;
  ELSIF change = 'freeze' THEN
    changed.status := 'frozen';
  ELSIF change = 'unfreeze' THEN
    changed.status := 'open';
  ELSIF change = 'metadata' THEN
    changed.metadata := new_metadata::jsonb;
  ELSIF change = 'close' THEN
    changed.status := 'closed';
    IF account.status = 'frozen' AND owner IS NOT NULL THEN
      outcome := 'account_frozen';
    ELSIF account.held_minor > 0 THEN
      outcome := 'account_has_holds';
    ELSIF account.balance_minor <> 0 THEN
      outcome := 'account_not_empty';
    -- What is on its way to another shard may come back.
    ELSIF EXISTS (
      SELECT FROM outgoing_transfers JOIN entries USING (transfer_id) WHERE state = 'sent' AND entries.account_id = wanted AND amount_minor < 0
    ) THEN
      outcome := 'account_not_empty';
    END IF;
  ELSIF change = 'overdraft_limit' THEN
    changed.overdraft_limit_minor := new_limit_minor;
    -- Numeric, as the sum may leave 64 bits.
    IF ((CASE account.normal_side WHEN 'credit' THEN 1 ELSE -1 END) * account.balance_minor::numeric - account.held_minor + new_limit_minor) < 0 THEN
      outcome := 'overdraft_in_use';
    END IF;
  ELSE
    RAISE EXCEPTION 'an account cannot be changed by %', change;
  END IF;
  IF outcome <> 'posted' THEN RETURN; END IF;

  IF (changed.status, changed.overdraft_limit_minor) IS DISTINCT FROM (account.status, account.overdraft_limit_minor) THEN
    changed.change_version := account.change_version + 1;
    INSERT INTO outbox (type, actor, traceparent, data)
    VALUES ('account.changed', actor, traceparent, jsonb_build_object(
      'account_id', wanted, 'status', changed.status, 'overdraft_limit', changed.overdraft_limit_minor::text, 'version', changed.change_version::text));
  END IF;
  UPDATE accounts SET status = changed.status, overdraft_limit_minor = changed.overdraft_limit_minor, metadata = changed.metadata, change_version = changed.change_version
   WHERE id = wanted;
END $$;
