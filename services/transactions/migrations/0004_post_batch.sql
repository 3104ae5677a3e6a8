-- Decides and posts a batch of operations in one statement: what costs is the round trip and the commit, and a batch shares both.
-- The rule is that of src/transfers/decide-posting.ts; a test holds the two against each other on random commands.
--
-- Locks are taken in one order by everybody, first keys in theirs, then accounts in theirs, so that batches never deadlock. Holds have no locks
-- of their own: they change only under that of their debit account, with whose held_minor they are one truth.
--
-- A shared advisory lock (4706002) is held until the commit. Whoever moves a bucket takes it exclusively for the moment in which he changes shard_map: afterwards
-- no batch that saw the old map is under way, and items of that bucket are answered `bucket_moved`, which is kept under no key.
--
-- account_ids, hold_ids  every account and hold of the batch, each once; accounts in the order of their ids
-- one element an item    in the arrays from `kinds` on; (scope, key) pairs are distinct. kind: that of a transfer, or capture, hold, void, expire
-- leg_ends               where the legs of each item end in the arrays of legs; those of the item before it end where its own begin
-- leg_accounts           1-based indexes into account_ids; of a hold and what becomes of it: its debit account, then its credit account
--                        (none if that is elsewhere, or for a capture the account in transit)
-- the rest               null where no item of the batch needs it
--
-- One row is returned. `outcomes` is null if all of them were posted, as mostly; `replayed_ids` and `replayed_at` are null if no key had been seen before,
-- and are filled where one had: with its stored answer, or without an id if it had been used for another request.
CREATE FUNCTION post_batch(
  account_ids uuid[], kinds text[], subject_ids uuid[], scopes text[], keys text[], buckets int[], request_hashes bytea[], owners text[], actors text[],
  traceparents text[], currencies text[], leg_ends int[], leg_accounts int[], leg_amounts bigint[],
  refusals text[], "references" text[], external_references text[], metadatas text[], reverses uuid[], returned_for text[], outgoing text[],
  hold_ids uuid[], hold_refs int[], hold_credits uuid[], hold_ends timestamptz[],
  OUT posted_at text, OUT outcomes text[], OUT replayed_ids uuid[], OUT replayed_at text[])
LANGUAGE plpgsql
-- One plan for every batch, made once a connection: planning ten statements anew took a millisecond, more than posting ten transfers.
SET plan_cache_mode = force_generic_plan
-- And that plan reaches rows by their keys alone: one that was made while a table was small must not read all of it when it has grown.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
-- What is switched off above counts as dear where there is no other way, and what is dear would be compiled: for a second, where the server lets it.
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  max_minor CONSTANT bigint := 9223372036854775807;
  in_transit CONSTANT text := 'system:in-transit';
  items CONSTANT int := cardinality(keys);
  now_ timestamptz;
  here boolean[];       -- null: all of them
  claimed boolean[];    -- null: all of them
  claimed_scopes text[];
  claimed_keys text[];
  strayed boolean[];    -- by account; null: none
  -- The accounts, at the index of their id. sign is 1 for a balance that is shown as it is, -1 for one on the debit side.
  ids uuid[];
  owner_of text[];
  currency_of text[];
  system_of boolean[];
  sign_of int[];
  limit_of bigint[];
  status_of int[];
  balance_of bigint[];
  held_of bigint[];
  version_of bigint[];
  told_of text[];
  -- What was decided: of each item, and of each leg that became an entry.
  verdicts text[] := array_fill(NULL::text, ARRAY[items]);
  leg_balances bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(leg_accounts)]);
  leg_versions bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(leg_accounts)]);
  leg_items int[] := array_fill(NULL::int, ARRAY[cardinality(leg_accounts)]);
  refused boolean := false;
  moved boolean := false;
  -- The holds, at the index of their id; one whose state is null is not there.
  debit_of_hold uuid[];
  credit_of_hold uuid[];
  currency_of_hold text[];
  amount_of_hold bigint[];
  captured_of_hold bigint[];
  state_of_hold text[];
  end_of_hold timestamptz[];
  placed_by int[];
  hold_changed boolean[];
  -- What reversals and returns of this batch take back, what leaves for another shard, and what is told of it all.
  taken_back uuid[] := '{}';
  sent_ids uuid[] := '{}';
  sent_legs text[] := '{}';
  sent_currencies text[] := '{}';
  event_items int[] := array_fill(NULL::int, ARRAY[items]);
  event_types text[] := array_fill(NULL::text, ARRAY[items]);
  event_texts text[] := array_fill(NULL::text, ARRAY[items]);
  events int := 0;
  replay record;
  kind text;
  verdict text;
  told text;
  rank int;
  past uuid;
  first int;
  last int := 0;
  d int;
  c int;
  a int;
  h int;
  amount bigint;
  balance bigint;
  version bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4706002);
  IF EXISTS (SELECT FROM unnest(buckets) AS b (bucket) JOIN shard_map ON shard_map.bucket = b.bucket, event_stream WHERE shard_map.shard <> event_stream.shard) THEN
    SELECT array_agg(shard_map.shard = event_stream.shard ORDER BY b.n) INTO here
      FROM event_stream, unnest(buckets) WITH ORDINALITY AS b (bucket, n) JOIN shard_map ON shard_map.bucket = b.bucket;
  END IF;

  -- A claim by somebody who has not committed yet is waited for: then either he has answered, or it is ours.
  WITH claim AS (
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id)
    SELECT i.scope, i.key, i.bucket, i.request_hash, 'posted', CASE WHEN i.kind IN ('hold', 'capture', 'void', 'expire') THEN i.kind ELSE 'transfer' END, i.id
      FROM unnest(scopes, keys, buckets, request_hashes, kinds, subject_ids, here) AS i (scope, key, bucket, request_hash, kind, id, here)
     WHERE i.here IS NOT false
     ORDER BY i.scope COLLATE "C", i.key COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING scope, key)
  SELECT array_agg(claim.scope), array_agg(claim.key) INTO claimed_scopes, claimed_keys FROM claim;
  IF coalesce(cardinality(claimed_keys), 0) < items THEN
    SELECT array_agg((i.scope, i.key) IN (SELECT s, k FROM unnest(claimed_scopes, claimed_keys) AS claim (s, k)) ORDER BY i.n) INTO claimed
      FROM unnest(scopes, keys) WITH ORDINALITY AS i (scope, key, n);
  END IF;

  IF claimed IS NULL OR true = ANY (claimed) THEN
    SELECT array_agg(id), array_agg(owner), array_agg(currency), array_agg(kind = 'system'), array_agg(CASE normal_side WHEN 'credit' THEN 1 ELSE -1 END),
           array_agg(overdraft_limit_minor), array_agg(CASE status WHEN 'open' THEN 0 WHEN 'frozen' THEN 1 ELSE 2 END), array_agg(balance_minor), array_agg(held_minor),
           array_agg(version), array_agg('{"account_id":"' || id || '","currency":"' || currency || '","amount":"')
      INTO ids, owner_of, currency_of, system_of, sign_of, limit_of, status_of, balance_of, held_of, version_of, told_of
      FROM (SELECT accounts.* FROM unnest(account_ids) AS named (id) JOIN accounts ON accounts.id = named.id ORDER BY accounts.id FOR NO KEY UPDATE OF accounts) AS locked;
    IF coalesce(cardinality(ids), 0) < cardinality(account_ids) THEN
      -- Some are not there: the others move to the index of their id. One whose bucket is not here has moved away, and may well be where it is now.
      SELECT array_agg(a.owner ORDER BY n), array_agg(a.currency ORDER BY n), array_agg(a.kind = 'system' ORDER BY n), array_agg(CASE a.normal_side WHEN 'credit' THEN 1 ELSE -1 END ORDER BY n),
             array_agg(a.overdraft_limit_minor ORDER BY n), array_agg(CASE a.status WHEN 'open' THEN 0 WHEN 'frozen' THEN 1 ELSE 2 END ORDER BY n), array_agg(a.balance_minor ORDER BY n),
             array_agg(a.held_minor ORDER BY n), array_agg(a.version ORDER BY n), array_agg('{"account_id":"' || a.id || '","currency":"' || a.currency || '","amount":"' ORDER BY n),
             array_agg(a.id IS NULL AND EXISTS (SELECT FROM shard_map, event_stream
               WHERE bucket = ('x' || substr(named.id::text, 15, 4))::bit(16)::int & 1023 AND shard_map.shard <> event_stream.shard) ORDER BY n)
        INTO owner_of, currency_of, system_of, sign_of, limit_of, status_of, balance_of, held_of, version_of, told_of, strayed
        -- Only those that are locked: one that was opened since is not.
        FROM unnest(account_ids) WITH ORDINALITY AS named (id, n) LEFT JOIN accounts AS a ON a.id = named.id AND a.id = ANY (ids);
    END IF;
    IF EXISTS (SELECT FROM leaving_buckets) THEN
      -- Accounts that another shard has by now, and that are still here to be read.
      SELECT array_agg(coalesce(strayed[n], false) OR NOT coalesce(system_of[n], false) AND bucket_of(id) IN (SELECT bucket FROM leaving_buckets) ORDER BY n) INTO strayed
        FROM unnest(account_ids) WITH ORDINALITY AS named (id, n);
    END IF;
    IF hold_ids IS NOT NULL THEN
      SELECT array_agg(debit_account ORDER BY n), array_agg(credit_account ORDER BY n), array_agg(currency ORDER BY n), array_agg(amount_minor ORDER BY n),
             array_agg(captured_minor ORDER BY n), array_agg(status ORDER BY n), array_agg(expires_at ORDER BY n), array_agg(NULL::int ORDER BY n), array_agg(false ORDER BY n)
        INTO debit_of_hold, credit_of_hold, currency_of_hold, amount_of_hold, captured_of_hold, state_of_hold, end_of_hold, placed_by, hold_changed
        FROM unnest(hold_ids) WITH ORDINALITY AS named (id, n) LEFT JOIN holds ON holds.id = named.id;
    END IF;
  END IF;

  -- Read under the locks, so that the entries of an account never go back in time.
  now_ := clock_timestamp();

  FOR n IN 1..items LOOP
    first := last + 1;
    last := leg_ends[n];
    IF here IS NOT NULL AND NOT here[n] THEN
      verdicts[n] := 'bucket_moved';
      refused := true;
      CONTINUE;
    END IF;
    CONTINUE WHEN claimed IS NOT NULL AND NOT claimed[n];
    kind := kinds[n];
    d := leg_accounts[first];
    c := leg_accounts[last];
    amount := leg_amounts[last];

    IF refusals[n] IS NOT NULL THEN
      verdict := refusals[n];
    ELSIF strayed IS NOT NULL AND EXISTS (SELECT FROM unnest(leg_accounts[first:last]) AS leg (account) WHERE strayed[leg.account]) THEN
      verdict := 'bucket_moved';

    -- Two legs and nothing else: nearly all there is, and worth an expression of its own.
    ELSIF last = first + 1 AND hold_refs[n] IS NULL AND reverses[n] IS NULL AND outgoing[n] IS NULL AND kind <> 'transit_in' THEN
      IF amount < 0 THEN
        d := leg_accounts[last];
        c := leg_accounts[first];
        amount := -amount;
      END IF;
      verdict := CASE
        -- The same answer for an account that is not there and for one that is not his: that it exists is its owner's business.
        WHEN owner_of[d] IS NULL OR owner_of[c] IS NULL OR owners[n] <> owner_of[d] OR (owners[n] IS NOT NULL AND (system_of[d] OR system_of[c])) THEN 'account_unknown'
        WHEN status_of[d] = 2 OR status_of[c] = 2 THEN 'account_closed'
        WHEN status_of[d] = 1 OR status_of[c] = 1 THEN 'account_frozen'
        WHEN currency_of[d] <> currencies[n] OR currency_of[c] <> currencies[n] THEN 'currency_differs'
        WHEN leg_amounts[first] <> -leg_amounts[last] OR currency_of[d] <> currency_of[c] THEN 'legs_unbalanced'
        -- Decided here, as an overflow would sink the whole batch.
        WHEN balance_of[d] - held_of[d] < amount - max_minor OR balance_of[c] > max_minor - amount THEN 'balance_too_large'
        WHEN (sign_of[d] = 1 AND amount - limit_of[d] > balance_of[d] - held_of[d])
          OR (sign_of[c] = -1 AND amount - limit_of[c] > -balance_of[c] - held_of[c]) THEN 'exceeds_balance'
        END;

    ELSIF kind = 'hold' THEN
      h := hold_refs[n];
      amount := -leg_amounts[first];
      verdict := CASE
        WHEN owner_of[d] IS NULL OR owner_of[c] IS NULL OR system_of[d] OR sign_of[d] = -1 THEN 'account_unknown'
        WHEN owners[n] IS NOT NULL AND (owner_of[d] <> owners[n] OR system_of[c]) THEN 'account_unknown'
        WHEN status_of[d] = 2 OR status_of[c] = 2 THEN 'account_closed'
        WHEN status_of[d] = 1 OR status_of[c] = 1 THEN 'account_frozen'
        WHEN currency_of[d] <> currencies[n] OR currency_of[c] <> currencies[n] THEN 'currency_differs'
        WHEN hold_ends[n] <= now_ THEN 'expires_at_out_of_range'
        WHEN balance_of[d] - held_of[d] < amount - max_minor OR held_of[d] > max_minor - amount THEN 'balance_too_large'
        WHEN amount - limit_of[d] > balance_of[d] - held_of[d] THEN 'exceeds_balance'
        END;
      IF verdict IS NULL THEN
        held_of[d] := held_of[d] + amount;
        debit_of_hold[h] := account_ids[d];
        credit_of_hold[h] := hold_credits[n];
        currency_of_hold[h] := currencies[n];
        amount_of_hold[h] := amount;
        captured_of_hold[h] := 0;
        state_of_hold[h] := 'open';
        end_of_hold[h] := hold_ends[n];
        placed_by[h] := n;
      END IF;

    ELSIF kind = 'capture' THEN
      h := hold_refs[n];
      amount := coalesce(amount, amount_of_hold[h]);
      verdict := CASE
        WHEN state_of_hold[h] IS NULL OR debit_of_hold[h] <> account_ids[d] THEN 'hold_unknown'
        WHEN credit_of_hold[h] <> account_ids[c] AND owner_of[c] IS DISTINCT FROM in_transit THEN 'hold_unknown'
        WHEN owner_of[c] <> owners[n] THEN 'hold_unknown'
        WHEN state_of_hold[h] <> 'open' THEN 'hold_not_open'
        WHEN end_of_hold[h] <= now_ THEN 'hold_expired'
        WHEN amount > amount_of_hold[h] THEN 'capture_exceeds_hold'
        WHEN owner_of[d] IS NULL OR owner_of[c] IS NULL THEN 'account_unknown'
        WHEN status_of[d] = 2 OR status_of[c] = 2 THEN 'account_closed'
        WHEN status_of[d] = 1 OR status_of[c] = 1 THEN 'account_frozen'
        WHEN balance_of[c] > max_minor - amount THEN 'balance_too_large'
        WHEN sign_of[c] = -1 AND amount - limit_of[c] > -balance_of[c] - held_of[c] THEN 'exceeds_balance'
        END;
      IF verdict IS NULL THEN
        -- What was held is there: neither the balance nor the policy of the debit account can object.
        held_of[d] := held_of[d] - amount_of_hold[h];
        leg_amounts[first] := -amount;
        leg_amounts[last] := amount;
        captured_of_hold[h] := amount;
        state_of_hold[h] := 'captured';
        hold_changed[h] := true;
        IF credit_of_hold[h] <> account_ids[c] THEN
          sent_ids := sent_ids || subject_ids[n];
          sent_legs := sent_legs || json_build_array(json_build_object('account', credit_of_hold[h], 'amount', amount::text))::text;
          sent_currencies := sent_currencies || currency_of[c];
        END IF;
      END IF;

    ELSIF hold_refs[n] IS NOT NULL THEN
      h := hold_refs[n];
      verdict := CASE
        WHEN state_of_hold[h] IS NULL OR debit_of_hold[h] <> account_ids[d] OR owner_of[d] IS NULL THEN 'hold_unknown'
        WHEN owners[n] IS NOT NULL AND (owner_of[c] IS DISTINCT FROM owners[n] OR credit_of_hold[h] <> account_ids[c]) THEN 'hold_unknown'
        WHEN state_of_hold[h] <> 'open' THEN 'hold_not_open'
        WHEN kind = 'expire' AND end_of_hold[h] > now_ THEN 'hold_not_expired'
        END;
      IF verdict IS NULL THEN
        held_of[d] := held_of[d] - amount_of_hold[h];
        state_of_hold[h] := CASE kind WHEN 'void' THEN 'voided' ELSE 'expired' END;
        hold_changed[h] := true;
      END IF;

    ELSE
      verdict := NULL;
      past := reverses[n];
      IF kind = 'reversal' THEN
        SELECT CASE
                 WHEN t.kind = 'reversal' THEN 'reversal_of_reversal'
                 WHEN t.kind IN ('transit_return', 'move') OR EXISTS (SELECT FROM outgoing_transfers WHERE transfer_id = t.id) THEN 'transfer_not_reversible'
                 WHEN t.id = ANY (taken_back) OR EXISTS (SELECT FROM transfers AS other WHERE other.reverses = t.id) THEN 'already_reversed'
                 -- Each leg takes back its entry; what is given back may go to another shard by now.
                 WHEN EXISTS (
                   SELECT FROM (SELECT account_ids[l.account] AS account, l.amount FROM unnest(leg_accounts[first:last], leg_amounts[first:last]) AS l (account, amount)) AS leg
                     FULL JOIN (SELECT account_id, amount_minor FROM entries WHERE transfer_id = t.id) AS entry ON entry.account_id = leg.account AND entry.amount_minor = -leg.amount
                    WHERE (leg.account IS NULL OR entry.account_id IS NULL) AND (outgoing[n] IS NULL OR leg.amount < 0 OR entry.amount_minor > 0)) THEN 'transfer_not_reversible'
               END INTO verdict
          FROM transfers AS t WHERE t.id = past;
        IF NOT FOUND THEN verdict := 'transfer_unknown'; END IF;
      ELSIF kind = 'transit_return' THEN
        PERFORM FROM outgoing_transfers WHERE transfer_id = past AND state = 'sent' AND transfer_id <> ALL (taken_back) FOR UPDATE;
        IF NOT FOUND THEN verdict := 'transfer_not_reversible'; END IF;
      END IF;
      IF verdict IS NULL THEN
        -- The first of the reasons, over all legs: each leg's own, by its place in this list.
        rank := 8;
        FOR l IN first..last LOOP
          a := leg_accounts[l];
          amount := leg_amounts[l];
          rank := least(rank, CASE
            WHEN owner_of[a] IS NULL THEN 1
            WHEN owners[n] IS NOT NULL AND system_of[a] AND (outgoing[n] IS NULL OR amount < 0 OR owner_of[a] <> in_transit) THEN 1
            WHEN amount < 0 AND owner_of[a] <> owners[n] THEN 1
            -- From another shard come credits of customers, and fees: what people ask for there must not reach the platform's other accounts here.
            WHEN kind = 'transit_in' AND owner_of[a] <> in_transit AND (system_of[a] AND owner_of[a] <> 'system:fees' OR amount < 0) THEN 1
            WHEN status_of[a] = 2 AND kind <> 'transit_return' THEN 2
            WHEN status_of[a] = 1 AND kind <> 'transit_return' THEN 3
            WHEN currency_of[a] <> currencies[n] THEN 4
            WHEN amount < 0 AND balance_of[a] - held_of[a] < -amount - max_minor OR amount > 0 AND balance_of[a] > max_minor - amount THEN 6
            WHEN sign_of[a] = 1 AND amount < 0 AND -amount - limit_of[a] > balance_of[a] - held_of[a] THEN 7
            WHEN sign_of[a] = -1 AND amount > 0 AND amount - limit_of[a] > -balance_of[a] - held_of[a] THEN 7
            ELSE 8 END);
        END LOOP;
        IF rank > 5 AND EXISTS (
          SELECT FROM unnest(leg_accounts[first:last], leg_amounts[first:last]) AS leg (account, amount) GROUP BY currency_of[leg.account] HAVING sum(leg.amount) <> 0
        ) THEN
          rank := 5;
        END IF;
        verdict := (ARRAY['account_unknown', 'account_closed', 'account_frozen', 'currency_differs', 'legs_unbalanced', 'balance_too_large', 'exceeds_balance', NULL])[rank];
      END IF;
      IF verdict IS NULL THEN
        IF past IS NOT NULL THEN taken_back := taken_back || past; END IF;
        IF outgoing[n] IS NOT NULL THEN
          FOR l IN first..last LOOP
            CONTINUE WHEN owner_of[leg_accounts[l]] <> in_transit;
            sent_ids := sent_ids || subject_ids[n];
            sent_legs := sent_legs || outgoing[n];
            sent_currencies := sent_currencies || currency_of[leg_accounts[l]];
          END LOOP;
        END IF;
      END IF;
    END IF;

    IF verdict IS NOT NULL THEN
      verdicts[n] := verdict;
      refused := true;
      CONTINUE;
    END IF;
    verdicts[n] := 'posted';

    IF hold_refs[n] IS NULL OR kind = 'capture' THEN
      moved := true;
      told := NULL;
      FOR l IN first..last LOOP
        a := leg_accounts[l];
        balance := balance_of[a] + leg_amounts[l];
        version := version_of[a] + 1;
        balance_of[a] := balance;
        version_of[a] := version;
        leg_balances[l] := balance;
        leg_versions[l] := version;
        leg_items[l] := n;
        told := concat(told || ',', told_of[a], leg_amounts[l], '","balance":"', balance, '","version":"', version, '"}');
      END LOOP;
      events := events + 1;
      event_items[events] := n;
      event_types[events] := 'transfer.posted';
      event_texts[events] := concat('{"transfer_id":"', subject_ids[n], '","kind":"', kind, '","entries":[', told,
        '],"reference":', coalesce(to_json("references"[n])::text, 'null'), ',"external_reference":', coalesce(to_json(external_references[n])::text, 'null'),
        ',"reverses":', coalesce('"' || reverses[n] || '"', 'null'), ',"hold_id":', CASE WHEN kind = 'capture' THEN concat('"', hold_ids[h], '"}') ELSE 'null}' END);
      IF kind = 'transit_return' THEN
        events := events + 1;
        event_items[events] := n;
        event_types[events] := 'transfer.returned';
        event_texts[events] := json_build_object('transfer_id', reverses[n], 'refusal', returned_for[n])::text;
      END IF;
    END IF;
    IF hold_refs[n] IS NOT NULL THEN
      events := events + 1;
      event_items[events] := n;
      event_types[events] := 'hold.' || CASE kind WHEN 'hold' THEN 'placed' ELSE state_of_hold[h] END;
      event_texts[events] := concat('{"hold_id":"', hold_ids[h], '","debit_account":"', debit_of_hold[h], '","credit_account":"', credit_of_hold[h],
        '","amount":"', amount_of_hold[h], '","currency":"', currency_of_hold[h], CASE WHEN kind = 'capture' THEN concat('","captured":"', amount) END, '"}');
    END IF;
  END LOOP;

  IF events > 0 THEN
    UPDATE accounts SET balance_minor = changed.balance, held_minor = changed.held, version = changed.version
      FROM unnest(account_ids, balance_of, held_of, version_of) AS changed (id, balance, held, version)
     WHERE accounts.id = changed.id AND (accounts.version <> changed.version OR accounts.held_minor <> changed.held);
  END IF;

  IF moved THEN
    INSERT INTO transfers (id, kind, reference, external_reference, metadata, reverses, hold_id, created_at)
    SELECT i.id, i.kind, i.reference, i.external_reference, i.metadata::jsonb, i.reverses, hold_ids[i.hold], now_
      FROM unnest(subject_ids, kinds, "references", external_references, metadatas, reverses, hold_refs, verdicts)
        AS i (id, kind, reference, external_reference, metadata, reverses, hold, verdict)
     WHERE i.verdict = 'posted' AND (i.hold IS NULL OR i.kind = 'capture');

    INSERT INTO entries (account_id, account_version, transfer_id, currency, amount_minor, balance_after_minor, created_at)
    SELECT account_ids[leg.account], leg.version, subject_ids[leg.item], currency_of[leg.account], leg.amount, leg.balance, now_
      FROM unnest(leg_accounts, leg_versions, leg_items, leg_amounts, leg_balances) AS leg (account, version, item, amount, balance)
     WHERE leg.version IS NOT NULL;

    IF cardinality(sent_ids) > 0 THEN
      INSERT INTO outgoing_transfers (transfer_id, legs, currency, created_at)
      SELECT sent.id, sent.legs::jsonb, sent.currency, now_ FROM unnest(sent_ids, sent_legs, sent_currencies) AS sent (id, legs, currency);
    END IF;
    IF returned_for IS NOT NULL THEN
      UPDATE outgoing_transfers SET state = 'returned', refusal = i.reason, settled_at = now_
        FROM unnest(reverses, returned_for, verdicts) AS i (id, reason, verdict) WHERE i.verdict = 'posted' AND i.reason IS NOT NULL AND transfer_id = i.id;
    END IF;
  END IF;

  IF hold_ids IS NOT NULL AND events > 0 THEN
    INSERT INTO holds (id, debit_account, credit_account, currency, amount_minor, captured_minor, status, expires_at, reference, external_reference, metadata, created_at, closed_at)
    SELECT i.id, i.debit, i.credit, i.currency, i.amount, i.captured, i.state, i.ends, "references"[i.item], external_references[i.item], metadatas[i.item]::jsonb,
           now_, CASE WHEN i.state <> 'open' THEN now_ END
      FROM unnest(hold_ids, debit_of_hold, credit_of_hold, currency_of_hold, amount_of_hold, captured_of_hold, state_of_hold, end_of_hold, placed_by)
        AS i (id, debit, credit, currency, amount, captured, state, ends, item)
     WHERE i.item IS NOT NULL;
    UPDATE holds SET status = i.state, captured_minor = i.captured, closed_at = now_
      FROM unnest(hold_ids, state_of_hold, captured_of_hold, hold_changed, placed_by) AS i (id, state, captured, changed, item)
     WHERE i.changed AND i.item IS NULL AND holds.id = i.id;
  END IF;

  IF events > 0 THEN
    INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
    SELECT e.type, now_, actors[e.item], traceparents[e.item], e.data::jsonb
      FROM unnest(event_items, event_types, event_texts) WITH ORDINALITY AS e (item, type, data, n)
     WHERE e.item IS NOT NULL
     ORDER BY e.n;
  END IF;

  IF refused THEN
    UPDATE idempotency_keys SET outcome = i.verdict
      FROM unnest(scopes, keys, verdicts) AS i (scope, key, verdict)
     WHERE i.verdict NOT IN ('posted', 'bucket_moved') AND idempotency_keys.id = key_id(i.scope, i.key);
    -- What another shard is to decide is not decided here.
    IF strayed IS NOT NULL THEN
      DELETE FROM idempotency_keys USING unnest(scopes, keys, verdicts, claimed) AS i (scope, key, verdict, claimed)
       WHERE i.verdict = 'bucket_moved' AND i.claimed IS NOT false AND idempotency_keys.id = key_id(i.scope, i.key);
    END IF;
  END IF;

  posted_at := to_char(now_ AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  IF claimed IS NOT NULL THEN
    replayed_ids := array_fill(NULL::uuid, ARRAY[items]);
    replayed_at := array_fill(NULL::text, ARRAY[items]);
    FOR replay IN
      SELECT i.n, k.request_hash = i.request_hash AS same, k.outcome, k.subject_id,
             to_char(coalesce(t.created_at, CASE WHEN k.operation = 'hold' THEN h.created_at ELSE h.closed_at END, k.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        FROM unnest(scopes, keys, request_hashes, claimed, here) WITH ORDINALITY AS i (scope, key, request_hash, claimed, here, n)
        JOIN idempotency_keys k ON k.id = key_id(i.scope, i.key)
        LEFT JOIN transfers t ON t.id = k.subject_id AND k.outcome = 'posted' AND k.operation IN ('transfer', 'capture')
        LEFT JOIN holds h ON h.id = k.subject_id AND k.outcome = 'posted' AND k.operation IN ('hold', 'void', 'expire')
       WHERE NOT i.claimed AND i.here IS NOT false
    LOOP
      verdicts[replay.n] := CASE WHEN replay.same THEN replay.outcome ELSE 'idempotency_key_reused' END;
      IF replay.same THEN
        replayed_ids[replay.n] := replay.subject_id;
        replayed_at[replay.n] := replay.at;
      END IF;
    END LOOP;
  END IF;
  IF refused OR claimed IS NOT NULL THEN
    outcomes := verdicts;
  END IF;
END $$;
