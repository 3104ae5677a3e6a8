import type { BenchInstance } from './bench-instance.ts';

const OWNER = 'bench:history';
const ACCOUNTS = 1_000;
/** Each account pays its neighbour once a round and is paid once: two entries an account. */
const ENTRIES_A_ROUND = 2 * ACCOUNTS;
const ROUNDS_AT_A_TIME = 100;

/**
 * Years of history, written straight into the tables of a shard: transfers, their entries and the keys under which they were asked for, of accounts
 * that nobody uses, as the service would have left them. Past triggers, which would check only what is so by construction; through the replica as
 * everything, a piece at a time, so that it does not fall behind.
 */
export async function fillHistory(bench: BenchInstance, shard: 0 | 1, entries: number, say: (text: string) => void): Promise<void> {
  const present = Number(await bench.sql(shard, `SELECT coalesce(sum(version), 0) FROM accounts WHERE owner = '${OWNER}'`));
  const wanted = Math.ceil(entries / ENTRIES_A_ROUND);
  if (present === 0) {
    await bench.sql(shard, `INSERT INTO accounts (id, owner, currency, kind, normal_side, overdraft_limit_minor)
      SELECT ${idOf('n')}, '${OWNER}', 'EUR', 'customer', 'credit', NULL FROM generate_series(0, ${ACCOUNTS - 1}) n`);
  }
  for (let round = present / ENTRIES_A_ROUND; round < wanted; round += ROUNDS_AT_A_TIME) {
    const until = Math.min(wanted, round + ROUNDS_AT_A_TIME);
    await bench.sql(shard, piece(round, until));
    if (until % 500 === 0 || until === wanted) say(`history of shard ${shard}: ${(until * ENTRIES_A_ROUND).toLocaleString('en')} of ${entries.toLocaleString('en')} entries`);
  }
  if (present / ENTRIES_A_ROUND < wanted) {
    for (const table of ['accounts', 'transfers', 'entries', 'idempotency_keys']) await bench.sql(shard, `VACUUM ANALYZE ${table}`);
    await bench.sql(shard, 'CHECKPOINT');
  }
}

/** A time-ordered id with a bucket of the shard's own, as the service makes them; of numbers below a thousand an account, above it a transfer. */
function idOf(number: string): string {
  return `(lpad(to_hex(1600000000000 + ${number}), 12, '0') || '80018' || substr(md5((${number})::text), 1, 15))::uuid`;
}

function piece(from: number, until: number): string {
  return `
    SET session_replication_role = replica;
    BEGIN;
    CREATE TEMP TABLE piece ON COMMIT DROP AS
      SELECT ${idOf(`${ACCOUNTS} + round::bigint * ${ACCOUNTS} + n`)} AS id, n, round, ${idOf('n')} AS debit, ${idOf(`((n + 1) % ${ACCOUNTS})`)} AS credit,
             timestamptz '2024-01-01' + round * interval '1 second' AS created_at
        FROM generate_series(${from}, ${until - 1}) AS round, generate_series(0, ${ACCOUNTS - 1}) AS n;
    INSERT INTO transfers (id, kind, created_at) SELECT id, 'transfer', created_at FROM piece ORDER BY round, n;
    INSERT INTO entries (account_id, account_version, transfer_id, currency, amount_minor, balance_after_minor, created_at)
      SELECT side.account, 2 * round + side.step, id, 'EUR', side.amount, side.balance, created_at
        FROM piece, LATERAL (VALUES (debit, 1, -1, -1), (credit, 2, 1, 0)) AS side (account, step, amount, balance) ORDER BY round, n;
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id)
      SELECT '${OWNER}', gen_random_uuid()::text, 1, sha256(id::text::bytea), 'posted', 'transfer', id FROM piece;
    UPDATE accounts SET version = ${2 * until} WHERE owner = '${OWNER}';
    COMMIT`;
}
