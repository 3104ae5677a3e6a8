-- Posts a batch of transfers in one statement: what costs is the round trip and the commit, and a batch shares both.
-- The rule is that of src/transfers/decide-transfer.ts; an integration test holds the two against each other.
--
-- account_ids      every account named in the batch, distinct, sorted; debits and credits are 1-based indexes into it
-- one element an item in all other arrays; (scope, key) pairs distinct
-- owners           whose money the caller may move; null if the platform itself moves it (deposits)
-- refusals         a refusal found before the database was asked, to be kept under the key; null if none
--
-- Locks are taken in one order by everybody, first keys in theirs, then accounts in theirs, so that batches never deadlock.
CREATE FUNCTION post_transfers(
  account_ids uuid[], scopes text[], keys text[], request_hashes bytea[], transfer_ids uuid[], debits int[], credits int[],
  amounts bigint[], currencies text[], "references" text[], owners text[], refusals text[], actors text[], traceparents text[])
RETURNS TABLE (item int, outcome text, replayed boolean, transfer_id uuid, posted_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  max_minor CONSTANT bigint := 9223372036854775807;
  items CONSTANT int := cardinality(keys);
  accounts_named CONSTANT int := cardinality(account_ids);
  now_ timestamptz;
  claimed boolean[];
  -- The accounts, at the index of their id.
  known boolean[] := array_fill(false, ARRAY[accounts_named]);
  owner_of text[] := array_fill(NULL::text, ARRAY[accounts_named]);
  currency_of text[] := array_fill(NULL::text, ARRAY[accounts_named]);
  is_system boolean[] := array_fill(false, ARRAY[accounts_named]);
  credit_normal boolean[] := array_fill(false, ARRAY[accounts_named]);
  may_overdraw boolean[] := array_fill(false, ARRAY[accounts_named]);
  is_open boolean[] := array_fill(false, ARRAY[accounts_named]);
  balance_of bigint[] := array_fill(0::bigint, ARRAY[accounts_named]);
  version_of bigint[] := array_fill(0::bigint, ARRAY[accounts_named]);
  touched boolean[] := array_fill(false, ARRAY[accounts_named]);
  -- What was decided, an element an item.
  verdicts text[] := array_fill(NULL::text, ARRAY[items]);
  debit_balances bigint[] := array_fill(NULL::bigint, ARRAY[items]);
  credit_balances bigint[] := array_fill(NULL::bigint, ARRAY[items]);
  debit_versions bigint[] := array_fill(NULL::bigint, ARRAY[items]);
  credit_versions bigint[] := array_fill(NULL::bigint, ARRAY[items]);
  account record;
  d int;
  c int;
  amount bigint;
BEGIN
  -- A claim by somebody who has not committed yet is waited for: then either he has answered, or it is ours.
  WITH claim AS (
    INSERT INTO idempotency_keys (scope, key, request_hash, outcome, transfer_id)
    SELECT i.scope, i.key, i.request_hash, 'posted', i.id
      FROM unnest(scopes, keys, request_hashes, transfer_ids) AS i (scope, key, request_hash, id)
     ORDER BY i.scope COLLATE "C", i.key COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING idempotency_keys.transfer_id AS id)
  SELECT array_agg(claim.id IS NOT NULL ORDER BY i.n) INTO claimed
    FROM unnest(transfer_ids) WITH ORDINALITY AS i (id, n) LEFT JOIN claim ON claim.id = i.id;

  FOR account IN
    SELECT named.n, a.* FROM unnest(account_ids) WITH ORDINALITY AS named (id, n) JOIN accounts a ON a.id = named.id
     WHERE true = ANY (claimed)
     ORDER BY a.id FOR NO KEY UPDATE OF a
  LOOP
    known[account.n] := true;
    owner_of[account.n] := account.owner;
    currency_of[account.n] := account.currency;
    is_system[account.n] := account.kind = 'system';
    credit_normal[account.n] := account.normal_side = 'credit';
    may_overdraw[account.n] := account.overdraft = 'allowed';
    is_open[account.n] := account.status = 'open';
    balance_of[account.n] := account.balance_minor;
    version_of[account.n] := account.version;
  END LOOP;

  -- Read under the locks, so that the entries of an account never go back in time.
  now_ := clock_timestamp();

  FOR n IN 1..items LOOP
    CONTINUE WHEN NOT claimed[n];
    d := debits[n];
    c := credits[n];
    amount := amounts[n];
    IF refusals[n] IS NOT NULL THEN
      verdicts[n] := refusals[n];
    ELSIF amount <= 0 THEN
      verdicts[n] := 'amount_not_positive';
    ELSIF NOT known[d] OR NOT known[c] THEN
      verdicts[n] := 'account_unknown';
    ELSIF owners[n] IS NOT NULL AND (owner_of[d] <> owners[n] OR is_system[d] OR is_system[c]) THEN
      -- The same answer as for an account that is not there: that it exists is its owner's business.
      verdicts[n] := 'account_unknown';
    ELSIF d = c THEN
      verdicts[n] := 'same_account';
    ELSIF NOT is_open[d] OR NOT is_open[c] THEN
      verdicts[n] := 'account_frozen';
    ELSIF currency_of[d] <> currencies[n] OR currency_of[c] <> currencies[n] THEN
      verdicts[n] := 'currency_differs';
    ELSIF balance_of[d] < amount - max_minor OR balance_of[c] > max_minor - amount THEN
      -- Decided here, as an overflow would sink the whole batch.
      verdicts[n] := 'balance_too_large';
    ELSIF (credit_normal[d] AND NOT may_overdraw[d] AND balance_of[d] < amount)
       OR (NOT credit_normal[c] AND NOT may_overdraw[c] AND balance_of[c] > -amount) THEN
      verdicts[n] := 'exceeds_balance';
    ELSE
      verdicts[n] := 'posted';
      balance_of[d] := balance_of[d] - amount;
      balance_of[c] := balance_of[c] + amount;
      version_of[d] := version_of[d] + 1;
      version_of[c] := version_of[c] + 1;
      touched[d] := true;
      touched[c] := true;
      debit_balances[n] := balance_of[d];
      credit_balances[n] := balance_of[c];
      debit_versions[n] := version_of[d];
      credit_versions[n] := version_of[c];
    END IF;
  END LOOP;

  IF true = ANY (touched) THEN
    UPDATE accounts SET balance_minor = changed.balance, version = changed.version
      FROM unnest(account_ids, balance_of, version_of, touched) AS changed (id, balance, version, touched)
     WHERE changed.touched AND accounts.id = changed.id;

    INSERT INTO transfers (id, debit_account, credit_account, amount_minor, currency, reference, created_at)
    SELECT i.id, account_ids[i.debit], account_ids[i.credit], i.amount, i.currency, i.reference, now_
      FROM unnest(transfer_ids, debits, credits, amounts, currencies, "references", verdicts) AS i (id, debit, credit, amount, currency, reference, verdict)
     WHERE i.verdict = 'posted';

    INSERT INTO entries (account_id, account_version, transfer_id, amount_minor, balance_after_minor, created_at)
    SELECT account_ids[side.account], side.version, i.id, side.amount, side.balance, now_
      FROM unnest(transfer_ids, debits, credits, amounts, verdicts, debit_versions, credit_versions, debit_balances, credit_balances)
        AS i (id, debit, credit, amount, verdict, debit_version, credit_version, debit_balance, credit_balance)
     CROSS JOIN LATERAL (VALUES
       (i.debit, i.debit_version, -i.amount, i.debit_balance),
       (i.credit, i.credit_version, i.amount, i.credit_balance)) AS side (account, version, amount, balance)
     WHERE i.verdict = 'posted';

    INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
    SELECT 'transfer.posted', now_, i.actor, i.traceparent, jsonb_build_object(
             'transfer_id', i.id, 'debit_account', account_ids[i.debit], 'credit_account', account_ids[i.credit],
             'amount', i.amount::text, 'currency', i.currency,
             'debit_balance', i.debit_balance::text, 'credit_balance', i.credit_balance::text, 'reference', i.reference)
      FROM unnest(transfer_ids, debits, credits, amounts, currencies, "references", verdicts, actors, traceparents, debit_balances, credit_balances)
        WITH ORDINALITY AS i (id, debit, credit, amount, currency, reference, verdict, actor, traceparent, debit_balance, credit_balance, n)
     WHERE i.verdict = 'posted'
     ORDER BY i.n;
  END IF;

  UPDATE idempotency_keys SET outcome = i.verdict
    FROM unnest(scopes, keys, verdicts) AS i (scope, key, verdict)
   WHERE i.verdict <> 'posted' AND idempotency_keys.scope = i.scope AND idempotency_keys.key = i.key;

  RETURN QUERY
  SELECT i.n::int, i.verdict, false, i.id, now_
    FROM unnest(transfer_ids, verdicts) WITH ORDINALITY AS i (id, verdict, n)
   WHERE claimed[i.n];

  IF false = ANY (claimed) THEN
    RETURN QUERY
    SELECT i.n::int,
           CASE WHEN k.request_hash = i.request_hash THEN k.outcome ELSE 'idempotency_key_reused' END,
           k.request_hash = i.request_hash, k.transfer_id, coalesce(t.created_at, k.created_at)
      FROM unnest(scopes, keys, request_hashes) WITH ORDINALITY AS i (scope, key, request_hash, n)
      JOIN idempotency_keys k ON k.scope = i.scope AND k.key = i.key
      LEFT JOIN transfers t ON t.id = k.transfer_id AND k.outcome = 'posted'
     WHERE NOT claimed[i.n];
  END IF;
END $$;
