import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '@holdfast/kit/postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { fileURLToPath } from 'node:url';
import { newAccountId, newHoldId, newTransferId } from '../accounts/account-id.ts';
import { checks, type Check, type Verification } from './checks.ts';
import type { VerifiedShard } from './elsewhere.ts';
import { readVerifications, storeVerification } from './verifications.store.ts';
import { verifyAlone } from './verifier.ts';
import { verifyLedger } from './verify-ledger.ts';

const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));

let postgres: readonly ThrowawayPostgres[];
let cases = 0;

const [alice, bob, cash, transit] = [newAccountId(1), newAccountId(1), newAccountId(2), newAccountId(2)];
const [carol, otherTransit] = [newAccountId(600), newAccountId(601)];
const [deposit, paid, captured, reversed, sent] = [newTransferId(1), newTransferId(1), newTransferId(1), newTransferId(1), newTransferId(1)];
const [settled, returned, cameBack, swapped] = [newTransferId(1), newTransferId(1), newTransferId(1), newTransferId(1)];
const [hold, openHold] = [newHoldId(1), newHoldId(1)];

/** Posts as the ledger does, told apart from it: what it writes is right because it is written out here. */
const POST = `
  CREATE FUNCTION pg_temp.post(id uuid, kind text, legs jsonb, reverses uuid DEFAULT NULL, hold uuid DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE leg record; told jsonb := '[]'; account record;
  BEGIN
    INSERT INTO transfers (id, kind, reverses, hold_id, created_at) VALUES (id, kind, reverses, hold, now() - interval '1 hour');
    FOR leg IN SELECT key::uuid AS account, value::bigint AS amount FROM jsonb_each_text(legs) LOOP
      UPDATE accounts SET balance_minor = balance_minor + leg.amount, version = version + 1 WHERE accounts.id = leg.account RETURNING * INTO account;
      told := told || jsonb_build_object('account_id', account.id, 'amount', leg.amount::text, 'currency', account.currency, 'balance', account.balance_minor::text, 'version', account.version::text);
    END LOOP;
    INSERT INTO entries (account_id, account_version, transfer_id, currency, amount_minor, balance_after_minor, created_at)
      SELECT (e->>'account_id')::uuid, (e->>'version')::bigint, id, e->>'currency', (e->>'amount')::bigint, (e->>'balance')::bigint, now() - interval '1 hour'
        FROM jsonb_array_elements(told) AS e;
    INSERT INTO outbox (type, actor, occurred_at, data) VALUES ('transfer.posted', 'test', now() - interval '1 hour', jsonb_build_object('transfer_id', id, 'kind', kind, 'entries', told));
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id)
      VALUES ('test', id::text, 1, sha256('x'), 'posted', CASE kind WHEN 'capture' THEN 'capture' ELSE 'transfer' END, id);
  END $$;`;
const NUMBER = `
  UPDATE outbox SET epoch = 1, sequence = place FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM outbox) AS numbered WHERE numbered.id = outbox.id;
  UPDATE event_stream SET last_sequence = (SELECT count(*) FROM outbox), published_sequence = (SELECT count(*) FROM outbox);`;
const post = (id: string, kind: string, legs: Record<string, number>, rest = ''): string => `SELECT pg_temp.post('${id}', '${kind}', '${JSON.stringify(legs)}'${rest});`;
const open = (id: string, owner: string, kind: string, side: string, limit: string): string =>
  `INSERT INTO accounts (id, owner, currency, kind, normal_side, overdraft_limit_minor) VALUES ('${id}', '${owner}', 'EUR', '${kind}', '${side}', ${limit});
   INSERT INTO outbox (type, actor, data) VALUES ('account.opened', 'test', '{"account_id": "${id}"}');`;
const outgoing = (id: string, account: string, amount: number, state: string): string =>
  `INSERT INTO outgoing_transfers (transfer_id, legs, currency, state, refusal, created_at, settled_at) VALUES ('${id}', '[{"account": "${account}", "amount": "${amount}"}]', 'EUR', '${state}',
     ${state === 'returned' ? "'account_unknown'" : 'NULL'}, now(), ${state === 'sent' ? 'NULL' : 'now()'});`;

beforeAll(async () => {
  postgres = await Promise.all([0, 1].map((shard) => ThrowawayPostgres.start({ database: 'ledger', role: 'transactions', migrations, shard })));
  await postgres[0]!.sql('postgres', `${POST}
    ${open(alice, 'alice', 'customer', 'credit', '0')} ${open(bob, 'bob', 'customer', 'credit', '0')}
    ${open(cash, 'system:cash-in', 'system', 'debit', 'NULL')} ${open(transit, 'system:in-transit', 'system', 'credit', 'NULL')}
    ${post(deposit, 'deposit', { [cash]: -1000, [alice]: 1000 })}
    ${post(paid, 'transfer', { [alice]: -100, [bob]: 100 })}
    INSERT INTO holds (id, debit_account, credit_account, currency, amount_minor, captured_minor, status, expires_at, created_at, closed_at)
      VALUES ('${hold}', '${alice}', '${bob}', 'EUR', 50, 30, 'captured', now(), now(), now()), ('${openHold}', '${alice}', '${bob}', 'EUR', 20, 0, 'open', now(), now(), NULL);
    UPDATE accounts SET held_minor = 20 WHERE id = '${alice}';
    INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id) VALUES ('test', 'a hold', 1, sha256('x'), 'posted', 'hold', '${openHold}'),
      ('test', 'refused', 1, sha256('x'), 'exceeds_balance', 'transfer', '${newTransferId(1)}');
    ${post(captured, 'capture', { [alice]: -30, [bob]: 30 }, `, NULL, '${hold}'`)}
    ${post(reversed, 'reversal', { [bob]: -100, [alice]: 100 }, `, '${paid}'`)}
    ${post(sent, 'transfer', { [alice]: -3, [transit]: 3 })} ${outgoing(sent, carol, 3, 'sent')}
    ${post(settled, 'transfer', { [alice]: -70, [transit]: 70 })} ${outgoing(settled, carol, 70, 'settled')}
    ${post(returned, 'transfer', { [alice]: -5, [transit]: 5 })} ${outgoing(returned, carol, 5, 'returned')}
    ${post(cameBack, 'transit_return', { [transit]: -5, [alice]: 5 }, `, '${returned}'`)}
    ${NUMBER}`, 'ledger');
  await postgres[1]!.sql('postgres', `${POST}
    ${open(carol, 'carol', 'customer', 'credit', '0')} ${open(otherTransit, 'system:in-transit', 'system', 'credit', 'NULL')}
    ${post(settled, 'transit_in', { [otherTransit]: -70, [carol]: 70 })}
    ${NUMBER}`, 'ledger');
}, 180_000);

afterAll(() => Promise.all((postgres ?? []).map((one) => one.stop())));

// Copies are dropped at once: the container has half a gigabyte, and its disk is in it.
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close().catch(() => undefined)));
  await Promise.all(postgres.map((one) => one.sql('postgres', `DROP DATABASE IF EXISTS case${cases} WITH (FORCE)`)));
});

const opened: Database[] = [];

interface Copy { name: string; shards: VerifiedShard[]; databases: Database[] }

const verify = (shards: readonly VerifiedShard[]): Promise<Verification> => verifyLedger(shards, { rest: 0, patienceMs: [0] });

/** A copy of both shards, after something was done to one of them that no trigger was to see. */
async function copyWith(shard: number, sql: string): Promise<Copy> {
  const name = `case${++cases}`;
  const databases = await Promise.all(postgres.map(async (one, number) => {
    await one.sql('postgres', `CREATE DATABASE ${name} TEMPLATE ledger STRATEGY FILE_COPY`);
    if (number === shard && sql !== '') await one.sql('postgres', `SET session_replication_role = replica; ${sql}`, name);
    const database = one.database({ database: name, user: 'transactions', connectionsMax: 2 });
    opened.push(database);
    return database;
  }));
  return { name, databases, shards: databases.map((database, number) => ({ number, query: (text, values, statement) => database.query(text, values, statement) })) };
}

const findings = (verification: Verification): Partial<Record<Check, string[]>> =>
  Object.fromEntries(Object.keys(checks).flatMap((check) => {
    const texts = verification.checks.filter((one) => one.check === check).flatMap((one) => one.findings);
    return texts.length > 0 ? [[check, texts]] : [];
  }));

const troubles = (verification: Verification): (string | null)[] => verification.checks.flatMap(({ check, trouble }) => (trouble === null ? [] : `${check}: ${trouble}`));

test.each([1, 2, 20_000])('a sound ledger passes every check, looked at in pages of %d rows', async (page) => {
  const { shards } = await copyWith(0, '');
  const verification = await verifyLedger(shards, { rest: 0, pages: { page, smallPage: page } });
  expect(findings(verification)).toEqual({});
  expect(troubles(verification)).toEqual([]);
  expect(verification.verdict).toBe('passed');
  expect(new Set(verification.checks.map(({ check }) => check))).toEqual(new Set(Object.keys(checks)));
  // Every row was looked at, whatever the pages.
  const looked = Object.fromEntries(verification.checks.filter(({ shard }) => shard === 0).map(({ check, looked_at }) => [check, looked_at]));
  expect(looked).toMatchObject({ account_chain: 16, account_heads: 4, transfer_entries: 8, holds: 2, keys: 10, outbox_complete: 12, outbox_sequence: 12, cross_shard: 3 });
});

/** Each way to corrupt a ledger, with the one check that finds it, and what it says. `also`: what else must be wrong then. */
const corruptions: readonly { what: string; shard?: number; sql: string; check: Check; says: RegExp; also?: readonly Check[] }[] = [
  { what: 'a balance that is not that of the last entry', sql: `UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = '${bob}'`, check: 'account_heads', says: /bob/, also: ['sums'] },
  { what: 'two balances moved against each other', sql: `UPDATE accounts SET balance_minor = balance_minor + CASE id WHEN '${alice}' THEN -7 ELSE 7 END WHERE id IN ('${alice}', '${bob}')`, check: 'account_heads', says: /alice/ },
  { what: 'an account that counts an entry that is not there', sql: `UPDATE accounts SET version = version + 1 WHERE id = '${bob}'`, check: 'account_heads', says: /bob has version/ },
  { what: 'a running balance that does not follow', sql: `UPDATE entries SET balance_after_minor = balance_after_minor + 1 WHERE account_id = '${alice}' AND account_version = 2`, check: 'account_chain', says: /alice entry 2 leaves/, also: ['outbox_complete'] },
  { what: 'a gap in the entries of an account, on both sides of a transfer', sql: `DELETE FROM entries WHERE transfer_id = '${paid}'`, check: 'account_chain', says: /alice entry 3 follows entry 1/, also: ['transfer_entries', 'outbox_complete', 'reversals'] },
  { what: 'what is reserved without a hold', sql: `UPDATE accounts SET held_minor = held_minor + 1 WHERE id = '${alice}'`, check: 'account_holds', says: /alice reserves 21, its open holds 20/ },
  { what: 'an open hold that went without a trace', sql: `DELETE FROM holds WHERE id = '${openHold}'`, check: 'account_holds', says: /alice reserves 20, its open holds 0/, also: ['keys'] },
  { what: 'an account that is gone', sql: `DELETE FROM accounts WHERE id = '${bob}'`, check: 'entry_accounts', says: /no such account/, also: ['sums'] },
  { what: 'an entry in another currency than its account', sql: `UPDATE entries SET currency = 'USD' WHERE transfer_id = '${paid}'`, check: 'entry_accounts', says: /is in USD, the account in EUR/, also: ['outbox_complete', 'reversals'] },
  { what: 'a transfer that made money', sql: `UPDATE entries SET amount_minor = amount_minor + 1, balance_after_minor = balance_after_minor + 1 WHERE transfer_id = '${reversed}' AND account_id = '${bob}';
      UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = '${bob}'`, check: 'transfer_entries', says: /do not sum to zero/, also: ['sums', 'outbox_complete'] },
  { what: 'a transfer without entries', sql: `INSERT INTO transfers (id, kind, created_at) VALUES ('${swapped}', 'transfer', now()); INSERT INTO outbox (type, actor, data, epoch, sequence) VALUES ('transfer.posted', 'test', '{"transfer_id": "${swapped}", "entries": []}', 1, 13); UPDATE event_stream SET last_sequence = 13`, check: 'transfer_entries', says: /has 0 entries/ },
  { what: 'entries without their transfer', sql: `DELETE FROM transfers WHERE id = '${deposit}'`, check: 'transfer_entries', says: /2 entries are of transfer .* not there/, also: ['keys', 'outbox_complete'] },
  { what: 'a transfer taken back twice', sql: `DROP INDEX transfers_reversed_once; UPDATE transfers SET reverses = '${paid}' WHERE id = '${cameBack}'`, check: 'reversals', says: /and 1 others do/, also: ['guards', 'cross_shard'] },
  { what: 'a reversal of nothing', sql: `UPDATE transfers SET reverses = '${swapped}' WHERE id = '${reversed}'`, check: 'reversals', says: /which is not there/ },
  { what: 'a reversal of another amount', sql: `UPDATE transfers SET reverses = '${captured}' WHERE id = '${reversed}'`, check: 'reversals', says: /does not take back all/ },
  { what: 'a reversal of a reversal', sql: `UPDATE transfers SET reverses = '${cameBack}' WHERE id = '${reversed}'`, check: 'reversals', says: /takes back another one itself/ },
  { what: 'a captured hold without a transfer', sql: `UPDATE transfers SET hold_id = NULL, kind = 'transfer' WHERE id = '${captured}'`, check: 'holds', says: /no transfer captures it/ },
  { what: 'a hold that says another amount than its capture', sql: `UPDATE holds SET captured_minor = 31 WHERE id = '${hold}'`, check: 'holds', says: /31 of it were captured; its transfer moves 30/ },
  { what: 'a capture of a hold that was voided', sql: `UPDATE holds SET status = 'voided', captured_minor = 0 WHERE id = '${hold}'`, check: 'holds', says: /is voided, and 1 transfers capture it/ },
  { what: 'a key that is there twice', sql: `ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey; INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id) SELECT scope, key, bucket, request_hash, outcome, operation, subject_id FROM idempotency_keys WHERE key = 'a hold'`, check: 'keys', says: /"a hold" of "test" is there twice/, also: ['guards'] },
  { what: 'a key that was answered with a transfer that is not there', sql: `UPDATE idempotency_keys SET subject_id = '${swapped}' WHERE key = '${paid}'`, check: 'keys', says: /was answered with transfer/ },
  { what: 'a transfer that was never told', sql: `DELETE FROM outbox WHERE data->>'transfer_id' = '${cameBack}'; UPDATE event_stream SET last_sequence = 11, published_sequence = 11`, check: 'outbox_complete', says: /has 0 events/ },
  { what: 'a transfer told twice, and another never: as many as there should be', sql: `UPDATE outbox SET data = (SELECT data FROM outbox WHERE data->>'transfer_id' = '${paid}') WHERE data->>'transfer_id' = '${deposit}'`, check: 'outbox_complete', says: /has [02] events/ },
  { what: 'an event that tells another amount', sql: `UPDATE outbox SET data = jsonb_set(data, '{entries,0,amount}', '"1"') WHERE data->>'transfer_id' = '${paid}'`, check: 'outbox_complete', says: /tells other entries/ },
  { what: 'an event of a transfer that is not there', sql: `UPDATE outbox SET data = jsonb_set(data, '{transfer_id}', '"nonsense"') WHERE data->>'transfer_id' = '${paid}'`, check: 'outbox_complete', says: /tells of a transfer that is not there: it names none/ },
  { what: 'a gap in the numbers of events', sql: `UPDATE outbox SET sequence = 13 WHERE sequence = 7; UPDATE event_stream SET last_sequence = 13`, check: 'outbox_sequence', says: /event 8 of epoch 1 follows event 6/ },
  { what: 'a watermark beyond the events', sql: `UPDATE event_stream SET last_sequence = 20`, check: 'outbox_sequence', says: /the last event is 12, the watermark 20/ },
  { what: 'an event beyond the watermark', sql: `UPDATE event_stream SET last_sequence = 11, published_sequence = 11`, check: 'outbox_sequence', says: /12 lies beyond the watermark 11/ },
  { what: 'money that left and never arrived', shard: 1, sql: `DELETE FROM entries WHERE transfer_id = '${settled}'; DELETE FROM transfers; DELETE FROM outbox WHERE type = 'transfer.posted'; DELETE FROM idempotency_keys; UPDATE accounts SET balance_minor = 0, version = 0; UPDATE event_stream SET last_sequence = 2, published_sequence = 2`, check: 'cross_shard', says: /is settled, and has not arrived/ },
  { what: 'money that arrived as another amount', sql: `UPDATE outgoing_transfers SET legs = '[{"account": "${carol}", "amount": "71"}]' WHERE transfer_id = '${settled}'`, check: 'cross_shard', says: /sends 71, and puts 70 in transit/ },
  { what: 'money that arrived and came back', sql: `UPDATE outgoing_transfers SET state = 'returned', refusal = 'x' WHERE transfer_id = '${settled}'`, check: 'cross_shard', says: /has come back 0 times/ },
  { what: 'money that arrived and was never sent', sql: `DELETE FROM outgoing_transfers WHERE transfer_id = '${settled}'`, check: 'cross_shard', says: /has arrived, and no shard has sent it/ },
  { what: 'money that came back, and is said to be under way', sql: `UPDATE outgoing_transfers SET state = 'sent', refusal = NULL, settled_at = NULL WHERE transfer_id = '${returned}'`, check: 'cross_shard', says: /is sent, and has come back 1 times/ },
  { what: 'a trigger that is switched off', sql: 'ALTER TABLE entries DISABLE TRIGGER entries_append_only', check: 'guards', says: /trigger entries.entries_append_only is not in force/ },
  { what: 'a constraint that is gone', sql: 'ALTER TABLE accounts DROP CONSTRAINT balance_within_policy', check: 'guards', says: /constraint accounts.balance_within_policy is not in force/ },
  { what: 'a service that may rewrite history', sql: 'GRANT UPDATE ON entries TO transactions', check: 'guards', says: /transactions may update entries/ },
];

describe('finds', () => {
  const named = (text: string): string => text.replaceAll(alice, 'alice').replaceAll(bob, 'bob');

  test.each(corruptions)('$what', async ({ shard, sql, check, says, also = [] }) => {
    const { shards } = await copyWith(shard ?? 0, sql);
    const verification = await verify(shards);
    const found = findings(verification);
    expect(troubles(verification)).toEqual([]);
    expect(named((found[check] ?? []).join('\n'))).toMatch(says);
    expect(new Set(Object.keys(found))).toEqual(new Set([check, ...also]));
    expect(verification.verdict).toBe('failed');
  }, 30_000);

  test('nothing in a bucket that has moved, whose account, hold and key are where it is now, and whose entries where it was', async () => {
    const { name, shards } = await copyWith(0, '');
    const [from, to] = postgres as [ThrowawayPostgres, ThrowawayPostgres];
    // Bob has no balance that the move would have to carry over in books of its own: it is his history that is told apart here.
    const [balance] = (await from.sql('postgres', `SELECT balance_minor FROM accounts WHERE id = '${bob}'`, name)).split('\n');
    await to.sql('postgres', `SET session_replication_role = replica;
      INSERT INTO accounts (id, owner, currency, kind, normal_side, balance_minor, version) VALUES ('${bob}', 'bob', 'EUR', 'customer', 'credit', ${balance}, 3);
      INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id) VALUES ('bob', 'moved', 1, sha256('x'), 'posted', 'transfer', '${reversed}');`, name);
    await from.sql('postgres', `SET session_replication_role = replica; DELETE FROM accounts WHERE id = '${bob}'`, name);
    const found = findings(await verify(shards));
    expect(Object.keys(found)).toEqual(['sums']);
  });
});

test('a restore to a moment within a move, when a bucket is left, or taken and not yet cleared, could count as a ledger that has lost entries', async () => {
  const { name, shards } = await copyWith(0, '');
  const [from, to] = postgres as [ThrowawayPostgres, ThrowawayPostgres];
  const version = await from.sql('postgres', 'SELECT new_version FROM leave_bucket(1, 1)', name);
  expect(findings(await verify(shards))).toEqual({});

  const accounts = await from.sql('postgres', `SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('transfer_id', gen_random_uuid())) FROM bucket_accounts(1) AS a`, name);
  const holds = await from.sql('postgres', `SELECT jsonb_agg(to_jsonb(h)) FROM holds h WHERE status = 'open'`, name);
  await to.sql('postgres', `SELECT take_bucket(1, ${version}, '{0}', '${accounts}', '${holds}', NULL); ${NUMBER}`, name);
  expect(findings(await verify(shards))).toEqual({});

  await from.sql('postgres', `SET session_replication_role = replica; DELETE FROM accounts WHERE id = '${bob}'`, name);
  expect(findings(await verify(shards)).account_chain).toHaveLength(1);
});

describe('what cannot be looked at', () => {
  test('is not passed: a shard that is away', async () => {
    const { shards, databases } = await copyWith(0, '');
    await databases[1]!.close();
    const verification = await verify(shards);
    expect(verification.verdict).toBe('could_not_verify');
    expect(verification.checks.find(({ check, shard }) => check === 'sums' && shard === null)).toMatchObject({ verdict: 'could_not_verify' });
    expect(verification.checks.find(({ check, shard }) => check === 'account_chain' && shard === 0)).toMatchObject({ verdict: 'passed' });
    expect(verification.checks.find(({ check, shard }) => check === 'cross_shard' && shard === 0)).toMatchObject({ verdict: 'could_not_verify' });
  });

  test('is not passed: a shard in the place of another', async () => {
    const { shards, databases } = await copyWith(0, '');
    const swap = [1, 0].map((from, number): VerifiedShard => ({ number, query: (text, values, statement) => databases[from]!.query(text, values, statement) }));
    expect((await verify(swap)).verdict).toBe('could_not_verify');
    expect(shards).toHaveLength(2);
  });
});

test('the ledger goes on while it is verified, and is found sound', async () => {
  const { name, shards } = await copyWith(0, '');
  let going = true;
  const work = (async () => {
    for (let n = 0; going; n++) {
      await postgres[0]!.sql('postgres', `${POST} ${Array.from({ length: 20 }, () => post(newTransferId(1), 'transfer', { [alice]: n % 2 === 0 ? -1 : 1, [bob]: n % 2 === 0 ? 1 : -1 })).join('')} `, name);
    }
  })();
  try {
    for (let n = 0; n < 5; n++) {
      const verification = await verifyLedger(shards, { rest: 0, pages: { page: 7, smallPage: 5 } });
      expect(findings(verification)).toEqual({});
      expect(verification.verdict).toBe('passed');
    }
  } finally {
    going = false;
    await work;
  }
}, 60_000);

test('results are kept, the last good one too; of two verifiers at once one goes away', async () => {
  const { databases, shards } = await copyWith(0, '');
  const results = databases[0]!;
  const passed = await verifyAlone(results, () => verify(shards));
  expect(passed?.verdict).toBe('passed');
  const first = await readVerifications(results);
  expect(first).toMatchObject({ last: { verdict: 'passed' } });
  expect(first.passed_s).toBeGreaterThan(1_700_000_000);
  for (let n = 0; n < 120; n++) await storeVerification(results, { ...passed!, verdict: 'failed' });
  const then = await readVerifications(results);
  expect(then.last?.verdict).toBe('failed');
  expect(then.passed_s).toBe(first.passed_s);

  const held = Promise.withResolvers<Verification>();
  const one = verifyAlone(results, () => held.promise);
  await expect(results.query(`SELECT pg_sleep(0.2)`)).resolves.toHaveLength(1);
  const other = postgres[0]!.database({ database: `case${cases}`, user: 'transactions', connectionsMax: 2 });
  opened.push(other);
  await expect(verifyAlone(other, () => Promise.reject(new Error('never called')))).resolves.toBeUndefined();
  held.resolve(passed!);
  await expect(one).resolves.toMatchObject({ verdict: 'passed' });
});
