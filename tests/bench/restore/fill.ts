import { setTimeout as pause } from 'node:timers/promises';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { readCpu } from '../cpu.ts';

const OWNER = 'bench:restore';
const CLUSTER = 'ledger0';
const ACCOUNTS = 1_000;
/** As many transfers a round as accounts: every pair of them pays there and back. */
const ROUNDS_AT_A_TIME = 5;
/** Texts of a transfer, in hexadecimal digits: half of their bits are random, and no two of them are alike. The API takes 4 kB. */
const RANDOM_CHARACTERS = 3_840;
/** Readers take a few thousand events a second, beside all that the machine does otherwise. */
const READ_WITHIN_MS = 1_800_000;
const AT_REST_WITHIN_MS = 300_000;
/** An idle platform takes a third of a core, and a scrape or a backup of an hour's WAL comes on top. */
const AT_REST_CORES = 0.6;
const AT_REST_FOR_MS = 5_000;

/**
 * Writes transfers straight into the tables of a ledger until its database is of that size: with their entries, their keys, their texts and their events, as the
 * service would have left them, so that the ledger verifies and readers of events go on from there. Past triggers, which would check only what is so by construction.
 */
export async function fillLedger(platform: Platform, bytes: number, say: (text: string) => void): Promise<{ transfers: number; bytes: number }> {
  const [known] = await platform.query<{ version: number }>(CLUSTER, 'ledger', `SELECT coalesce(max(version), 0)::int AS version FROM accounts WHERE owner = '${OWNER}'`);
  let round = (known?.version ?? 0) / 2;
  if (round === 0) await write(platform, ACCOUNTS_OPENED);
  let size = await sizeOf(platform);
  for (let told = size; size < bytes; size = await sizeOf(platform)) {
    await write(platform, piece(round, round + ROUNDS_AT_A_TIME));
    round += ROUNDS_AT_A_TIME;
    if (size - told > bytes / 10) say(`ledger: ${Math.round((told = size) / 1e6)} MB of ${Math.round(bytes / 1e6)}`);
  }
  for (const table of ['accounts', 'transfers', 'entries', 'idempotency_keys', 'outbox']) await write(platform, `VACUUM ANALYZE ${table}`);
  await write(platform, 'CHECKPOINT');
  return { transfers: round * ACCOUNTS, bytes: size };
}

/** Until Kafka and every reader of its events have all that the ledgers have told: a restore under a backlog would measure the backlog. */
export async function untilRead(platform: Platform): Promise<void> {
  await within(READ_WITHIN_MS, 'every event read, and every entry of the audit log searchable', async () => {
    const [told] = await platform.query<{ n: number }>(CLUSTER, 'ledger', 'SELECT CASE WHEN EXISTS (SELECT FROM outbox WHERE sequence IS NULL) THEN NULL ELSE last_sequence END AS n FROM event_stream');
    const read = await Promise.all(['reporting', 'audit'].map((database) => platform.query<{ n: number }>('core', database, "SELECT sequence AS n FROM consumer_position WHERE topic = 'ledger.events' AND shard = 0")));
    const [left] = await platform.query<{ n: number }>('core', 'audit', 'SELECT (SELECT max(sequence) FROM audit_log) - (SELECT sequence FROM search_index_position) AS n');
    if (typeof told?.n === 'number' && read.every(([position]) => position?.n === told.n) && (left?.n ?? 0) < 1_000) return true;
    throw new Error(`told ${told?.n ?? 'not all'}, read ${read.map(([position]) => position?.n ?? 0).join(' and ')}, ${left?.n} not searchable`);
  });
}

/** What it still does with what it has read, and forgets of it, is not to be measured with what comes then. */
export async function untilAtRest(): Promise<void> {
  await within(AT_REST_WITHIN_MS, 'the platform to be at rest', async () => {
    const before = readCpu({});
    await pause(AT_REST_FOR_MS);
    const after = readCpu({});
    const cores = (after.host_s - before.host_s) / ((after.at_ms - before.at_ms) / 1_000);
    if (cores > AT_REST_CORES) throw new Error(`${cores.toFixed(2)} cores at work`);
    return true;
  });
}

async function sizeOf(platform: Platform): Promise<number> {
  const [row] = await platform.query<{ bytes: number }>(CLUSTER, 'ledger', "SELECT pg_database_size('ledger') AS bytes");
  return row?.bytes ?? 0;
}

async function write(platform: Platform, sql: string): Promise<void> {
  await platform.inside(await platform.leaderOf(CLUSTER), 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'ledger', '-c', sql);
}

/** A time-ordered id with a bucket of shard 0, as the service makes them; of numbers below a thousand an account, above it a transfer. */
function idOf(number: string): string {
  return `(lpad(to_hex(1600000000000 + ${number}), 12, '0') || '80018' || substr(md5((${number})::text), 1, 15))::uuid`;
}

const ACCOUNTS_OPENED = `
  INSERT INTO accounts (id, owner, currency, kind, normal_side, overdraft_limit_minor) SELECT ${idOf('n')}, '${OWNER}', 'EUR', 'customer', 'credit', NULL FROM generate_series(0, ${ACCOUNTS - 1}) n;
  INSERT INTO outbox (type, actor, data)
    SELECT 'account.opened', '${OWNER}', jsonb_build_object('account_id', ${idOf('n')}, 'owner', '${OWNER}', 'currency', 'EUR', 'kind', 'customer', 'overdraft_limit', NULL) FROM generate_series(0, ${ACCOUNTS - 1}) n`;

function piece(from: number, until: number): string {
  return `
    SET session_replication_role = replica;
    BEGIN;
    CREATE TEMP TABLE piece ON COMMIT DROP AS
      SELECT ${idOf(`${ACCOUNTS} + round::bigint * ${ACCOUNTS} + way * ${ACCOUNTS / 2} + pair`)} AS id, round, way, pair, 2 * round + way + 1 AS version, way - 1 AS debit_after, 1 - way AS credit_after,
             ${idOf('2 * pair + way')} AS debit, ${idOf('2 * pair + 1 - way')} AS credit, timestamptz '2024-01-01' + round * interval '1 minute' + way * interval '30 seconds' AS created_at
        FROM generate_series(${from}, ${until - 1}) AS round, generate_series(0, 1) AS way, generate_series(0, ${ACCOUNTS / 2 - 1}) AS pair;
    INSERT INTO transfers (id, kind, reference, metadata, created_at)
      SELECT id, 'transfer', 'rent of flat ' || pair, jsonb_build_object('contract', (SELECT string_agg(md5(random()::text || id || n), '') FROM generate_series(1, ${RANDOM_CHARACTERS / 32}) AS n)), created_at
        FROM piece ORDER BY round, way, pair;
    INSERT INTO entries (account_id, account_version, transfer_id, currency, amount_minor, balance_after_minor, created_at)
      SELECT side.account, version, id, 'EUR', side.amount, side.balance, created_at
        FROM piece, LATERAL (VALUES (debit, -1, debit_after), (credit, 1, credit_after)) AS side (account, amount, balance) ORDER BY round, way, pair;
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id)
      SELECT '${OWNER}', gen_random_uuid()::text, 1, sha256(id::text::bytea), 'posted', 'transfer', id FROM piece;
    INSERT INTO outbox (type, actor, occurred_at, data)
      SELECT 'transfer.posted', '${OWNER}', created_at, jsonb_build_object('transfer_id', id, 'kind', 'transfer', 'reference', 'rent of flat ' || pair, 'external_reference', NULL, 'reverses', NULL, 'hold_id', NULL,
             'entries', jsonb_build_array(jsonb_build_object('account_id', debit, 'amount', '-1', 'currency', 'EUR', 'balance', debit_after::text, 'version', version::text),
                                          jsonb_build_object('account_id', credit, 'amount', '1', 'currency', 'EUR', 'balance', credit_after::text, 'version', version::text)))
        FROM piece ORDER BY round, way, pair;
    UPDATE accounts SET version = ${2 * until} WHERE owner = '${OWNER}';
    COMMIT`;
}
