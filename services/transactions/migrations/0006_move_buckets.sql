-- Moving a bucket to another shard while transfers go on (platform/decisions/0013): the functions of its steps, called by src/shards/move-bucket.ts.
-- Each is one transaction, and does nothing if it was done before: whatever dies in between, the move is begun again and goes on from there.
--
-- History stays where it is. Of every account the balance goes through the account in transit, as if it were sent, and its entries are counted on from there.
-- They run with the rights of their owner: to delete accounts, and to change the map, is for them alone.

ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check
  CHECK (kind IN ('transfer', 'deposit', 'withdrawal', 'capture', 'reversal', 'transit_in', 'transit_return', 'move'));

CREATE FUNCTION bucket_of(id uuid) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || substr(id::text, 15, 4))::bit(16)::int & 1023
$$;

-- By nothing that a posting changes. The ledger's own accounts stay where they are made, whatever bucket their ids carry.
CREATE INDEX accounts_by_bucket ON accounts (bucket_of(id)) WHERE kind = 'customer';

-- Buckets whose accounts another shard has taken, or is about to take, and that are still here to be read. Nearly always empty: post_batch looks every time.
CREATE TABLE leaving_buckets (
  bucket int PRIMARY KEY
);
GRANT SELECT ON leaving_buckets TO transactions;

-- What a move takes along of an account.
CREATE FUNCTION bucket_accounts(wanted int) RETURNS SETOF accounts LANGUAGE sql STABLE AS $$
  SELECT * FROM accounts WHERE kind = 'customer' AND bucket_of(id) = wanted ORDER BY id
$$;

-- Writes one line of the map if it is newer than the one that is there, and tells all who listen.
CREATE FUNCTION set_bucket(wanted int, holder int, new_version bigint, former int[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE shard_map SET shard = holder, version = new_version, former_shards = former WHERE bucket = wanted AND version < new_version;
  IF FOUND THEN PERFORM pg_notify('shard_map', wanted::text); END IF;
END $$;

-- What a shard is told of a bucket that is between two others: that it has it itself it knows from leave and take alone.
CREATE FUNCTION hear_of_bucket(wanted int, holder int, new_version bigint, former int[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM event_stream, shard_map WHERE bucket = wanted AND event_stream.shard IN (holder, shard_map.shard)) THEN
    RAISE EXCEPTION 'bucket % is, or would be, here', wanted;
  END IF;
  PERFORM set_bucket(wanted, holder, new_version, former);
END $$;

-- The source lets go: after this commit no posting to the bucket is accepted here, and none is under way. Everybody waits for the lock, so it is not waited for long.
CREATE FUNCTION leave_bucket(wanted int, destination int, OUT new_version bigint, OUT former int[]) LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  here int := (SELECT shard FROM event_stream);
BEGIN
  PERFORM pg_advisory_xact_lock(4706002);
  IF (SELECT shard FROM shard_map WHERE bucket = wanted) <> here THEN
    RAISE EXCEPTION 'bucket % is not on shard %', wanted, here;
  END IF;
  new_version := (SELECT max(version) + 1 FROM shard_map);
  former := (SELECT array_remove(array_remove(former_shards, here), destination) || here FROM shard_map WHERE bucket = wanted);
  INSERT INTO leaving_buckets VALUES (wanted);
  PERFORM set_bucket(wanted, destination, new_version, former);
END $$;

-- The source takes it up again, if nobody else has: for a move that is given up before its destination has taken the bucket.
CREATE FUNCTION keep_bucket(wanted int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  here int := (SELECT shard FROM event_stream);
BEGIN
  PERFORM pg_advisory_xact_lock(4706002);
  DELETE FROM leaving_buckets WHERE bucket = wanted;
  PERFORM set_bucket(wanted, here, (SELECT max(version) + 1 FROM shard_map), (SELECT array_remove(former_shards, here) FROM shard_map WHERE bucket = wanted));
END $$;

-- Writes a transfer of kind `move` for each of some accounts: an entry of the account, and the opposite one of the account in transit in its currency.
-- moving: [{"id", "currency", "transfer_id", "version", "amount", "balance"}], version and balance as they are after the entry.
CREATE FUNCTION post_moves(moving jsonb, traceparent text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  now_ timestamptz;
  asked CONSTANT text := traceparent;
BEGIN
  CREATE TEMP TABLE moves ON COMMIT DROP AS
    SELECT m.*, t.id AS transit, row_number() OVER one AS nth, sum(m.amount) OVER one AS so_far
      FROM jsonb_to_recordset(moving) AS m (id uuid, currency text, transfer_id uuid, version bigint, amount bigint, balance bigint)
      LEFT JOIN accounts t ON t.kind = 'system' AND t.owner = 'system:in-transit' AND t.currency = m.currency
    WINDOW one AS (PARTITION BY m.currency ORDER BY m.id);
  IF EXISTS (SELECT FROM moves WHERE transit IS NULL) THEN
    RAISE EXCEPTION 'this shard has no account in transit in %', (SELECT currency FROM moves WHERE transit IS NULL LIMIT 1) USING ERRCODE = 'no_data_found';
  END IF;
  PERFORM FROM accounts WHERE id IN (SELECT transit FROM moves) ORDER BY id FOR NO KEY UPDATE;
  now_ := clock_timestamp();

  INSERT INTO transfers (id, kind, created_at) SELECT transfer_id, 'move', now_ FROM moves;
  INSERT INTO entries (account_id, account_version, transfer_id, currency, amount_minor, balance_after_minor, created_at)
  SELECT id, version, transfer_id, currency, amount, balance, now_ FROM moves
  UNION ALL
  SELECT transit, t.version + nth, transfer_id, moves.currency, -amount, t.balance_minor - so_far, now_ FROM moves JOIN accounts t ON t.id = transit;

  INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
  SELECT 'transfer.posted', now_, 'transactions', asked, jsonb_build_object(
           'transfer_id', transfer_id, 'kind', 'move', 'reference', NULL, 'external_reference', NULL, 'reverses', NULL, 'hold_id', NULL,
           'entries', jsonb_build_array(
             jsonb_build_object('account_id', moves.id, 'currency', moves.currency, 'amount', amount::text, 'balance', balance::text, 'version', moves.version::text),
             jsonb_build_object('account_id', transit, 'currency', moves.currency, 'amount', (-amount)::text,
                                'balance', (t.balance_minor - so_far)::text, 'version', (t.version + nth)::text)))
    FROM moves JOIN accounts t ON t.id = transit ORDER BY moves.currency, nth;

  UPDATE accounts SET balance_minor = balance_minor - total.amount, version = version + total.moves
    FROM (SELECT transit, sum(amount) AS amount, count(*) AS moves FROM moves GROUP BY transit) AS total WHERE accounts.id = total.transit;
  DROP TABLE moves;
END $$;

-- The destination takes the bucket, under the same lock, so that no batch sees half of it: accounts as they were with the source, their money out of transit, what is held of it, and the line of the map.
-- accounts: rows of bucket_accounts, with `transfer_id`, the id of their transfer here; holds: open ones.
CREATE FUNCTION take_bucket(wanted int, new_version bigint, former int[], new_accounts jsonb, new_holds jsonb, traceparent text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  here int := (SELECT shard FROM event_stream);
BEGIN
  PERFORM pg_advisory_xact_lock(4706002);
  IF (SELECT version FROM shard_map WHERE bucket = wanted) >= new_version THEN RETURN false; END IF;
  INSERT INTO accounts (id, owner, name, currency, kind, normal_side, status, overdraft_limit_minor, balance_minor, held_minor, version, change_version, metadata, created_at)
  SELECT id, owner, name, currency, kind, normal_side, status, overdraft_limit_minor, balance_minor, held_minor,
         version + CASE WHEN balance_minor = 0 THEN 0 ELSE 2 END, change_version, metadata, created_at
    FROM jsonb_populate_recordset(NULL::accounts, new_accounts);
  -- The source's own entry is the one between.
  PERFORM post_moves((SELECT jsonb_agg(jsonb_build_object(
      'id', id, 'currency', currency, 'transfer_id', transfer_id, 'version', version + 2, 'amount', balance_minor, 'balance', balance_minor))
    FROM jsonb_to_recordset(new_accounts) AS a (id uuid, currency text, transfer_id uuid, version bigint, balance_minor bigint) WHERE balance_minor <> 0), traceparent);
  INSERT INTO holds SELECT * FROM jsonb_populate_recordset(NULL::holds, new_holds);
  PERFORM set_bucket(wanted, here, new_version, former);
  RETURN true;
END $$;

-- The source puts into transit what the destination has taken out of it, and forgets the accounts; their entries stay. Only when another shard has the bucket.
-- transfer_ids: of the accounts' transfers here, by account.
CREATE FUNCTION clear_bucket(wanted int, transfer_ids jsonb, traceparent text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT shard_map.shard = event_stream.shard FROM shard_map, event_stream WHERE bucket = wanted) THEN
    RAISE EXCEPTION 'bucket % is here', wanted;
  END IF;
  PERFORM FROM bucket_accounts(wanted) AS gone JOIN accounts ON accounts.id = gone.id ORDER BY accounts.id FOR UPDATE OF accounts;
  PERFORM post_moves((SELECT jsonb_agg(jsonb_build_object(
      'id', id, 'currency', currency, 'transfer_id', transfer_ids->>id::text, 'version', version + 1, 'amount', -balance_minor, 'balance', 0))
    FROM bucket_accounts(wanted) WHERE balance_minor <> 0), traceparent);
  DELETE FROM holds WHERE status = 'open' AND debit_account IN (SELECT id FROM bucket_accounts(wanted));
  DELETE FROM accounts WHERE kind = 'customer' AND bucket_of(id) = wanted;
  DELETE FROM leaving_buckets WHERE bucket = wanted;
END $$;

REVOKE ALL ON FUNCTION set_bucket, hear_of_bucket, leave_bucket, keep_bucket, post_moves, take_bucket, clear_bucket FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hear_of_bucket, leave_bucket, keep_bucket, take_bucket, clear_bucket TO transactions;
