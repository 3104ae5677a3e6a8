import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import type { Database } from '@holdfast/kit/postgres';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { newAccountId, newTransferId, type AccountId } from '../accounts/account-id.ts';
import { Shard } from '../shards/shard.ts';
import type { Account } from './decide-posting.ts';
import { hashOfRequest } from './idempotency.ts';
import { postBatch } from './posting.store.ts';
import type { Leg, Posting, TransferPosting } from './posting.ts';

/** On the first shard, as the map begins. */
export const BUCKET = 7;

/** For tests: one shard of the ledger on a Postgres of its own. */
export class TestLedger {
  readonly postgres: ThrowawayPostgres;
  readonly database: Database;
  readonly shard: Shard;

  private constructor(postgres: ThrowawayPostgres) {
    this.postgres = postgres;
    const open = (): Database => postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 8 });
    this.database = open();
    this.shard = new Shard({ number: 0, writes: open(), reads: this.database, answerTimeoutMs: 20_000 });
  }

  static async start(): Promise<TestLedger> {
    return new TestLedger(await ThrowawayPostgres.start({
      database: 'ledger', role: 'transactions', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)),
    }));
  }

  /** Of a customer, in EUR, without overdraft, unless said otherwise. */
  async openAccount(owner: string, more: Partial<Omit<Account, 'id' | 'owner' | 'balanceMinor' | 'heldMinor' | 'version'>> = {}): Promise<AccountId> {
    const id = newAccountId(BUCKET);
    const limit = 'overdraftLimitMinor' in more ? more.overdraftLimitMinor : 0n;
    await this.database.query(
      'INSERT INTO accounts (id, owner, currency, kind, normal_side, status, overdraft_limit_minor) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      [id, owner, more.currency ?? 'EUR', more.kind ?? 'customer', more.normalSide ?? 'credit', more.status ?? 'open', limit?.toString() ?? null]);
    return id;
  }

  /** An account on the debit side from which money comes into the ledger. */
  openCash(currency = 'EUR'): Promise<AccountId> {
    return this.openAccount(`system:${randomUUID()}`, { kind: 'system', normalSide: 'debit', currency });
  }

  async findAccount(id: AccountId): Promise<Account | undefined> {
    const [row] = await this.database.query<{
      owner: string; currency: string; kind: Account['kind']; normal_side: Account['normalSide']; status: Account['status'];
      overdraft_limit_minor: bigint | null; balance_minor: bigint; held_minor: bigint; version: bigint;
    }>('SELECT * FROM accounts WHERE id = $1', [id]);
    return row && {
      id, owner: row.owner, currency: row.currency, kind: row.kind, normalSide: row.normal_side, status: row.status,
      overdraftLimitMinor: row.overdraft_limit_minor ?? undefined, balanceMinor: row.balance_minor, heldMinor: row.held_minor, version: row.version,
    };
  }

  async balanceOf(id: AccountId): Promise<bigint> {
    const account = await this.findAccount(id);
    if (!account) throw new Error(`there is no account ${id}`);
    return account.balanceMinor;
  }

  async outcomes(...postings: Posting[]): Promise<string[]> {
    return (await postBatch(this.shard, postings)).map((posted) => posted.outcome);
  }

  /** Everything in the books that must not be, as text; a sound ledger has none. */
  async faults(): Promise<string[]> {
    return (await this.database.query<{ fault: string }>(FAULTS)).map(({ fault }) => fault);
  }

  stop(): Promise<void> {
    return this.postgres.stop();
  }
}

/** A transfer by the platform itself, with a key of its own. */
export function transferOf(legs: readonly Leg[], more: Partial<TransferPosting> = {}): TransferPosting {
  return {
    operation: 'transfer', kind: 'transfer', transferId: newTransferId(BUCKET), legs, scope: 'somebody', key: randomUUID(), bucket: BUCKET,
    requestHash: hashOfRequest('transfer', legs.map((leg) => `${leg.account} ${leg.amountMinor}`)), owner: undefined, actor: 'somebody', traceparent: undefined, ...more,
  };
}

export function between(debit: AccountId, credit: AccountId, amountMinor: bigint, more: Partial<TransferPosting> = {}): TransferPosting {
  return transferOf([{ account: debit, amountMinor: -amountMinor }, { account: credit, amountMinor }], more);
}

const FAULTS = `
  SELECT 'sum of ' || currency || ': ' || sum(balance_minor) AS fault FROM accounts GROUP BY currency HAVING sum(balance_minor) <> 0
  UNION ALL
  SELECT 'sum of transfer ' || transfer_id FROM entries GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0
  UNION ALL
  SELECT 'chain of ' || account_id || ' at ' || account_version FROM (
    SELECT *, lag(balance_after_minor, 1, 0::bigint) OVER w AS before, row_number() OVER w AS place FROM entries WINDOW w AS (PARTITION BY account_id ORDER BY account_version)) AS chained
   WHERE balance_after_minor <> before + amount_minor OR account_version <> place
  UNION ALL
  SELECT 'entries of ' || id FROM accounts LEFT JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM entries WHERE account_id = id) AS own ON true
   WHERE own.n <> version OR own.sum <> balance_minor
  UNION ALL
  SELECT 'time of ' || account_id FROM (
    SELECT account_id, created_at < lag(created_at) OVER (PARTITION BY account_id ORDER BY account_version) AS back FROM entries) AS timed WHERE back
  UNION ALL
  SELECT 'held of ' || a.id FROM accounts a
   WHERE held_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM holds WHERE debit_account = a.id AND holds.status = 'open')
  UNION ALL
  SELECT 'policy of ' || id FROM accounts
   WHERE CASE normal_side WHEN 'credit' THEN balance_minor ELSE -balance_minor END::numeric - held_minor + overdraft_limit_minor < 0
  UNION ALL
  SELECT 'answers about ' || subject_id || ': ' || count(*) FROM idempotency_keys WHERE outcome = 'posted' GROUP BY subject_id, operation HAVING count(*) > 1
  UNION ALL
  SELECT 'no posted answer about transfer ' || t.id FROM transfers t
   WHERE NOT EXISTS (SELECT FROM idempotency_keys WHERE subject_id = t.id AND outcome = 'posted' AND operation IN ('transfer', 'capture'))
  UNION ALL
  SELECT 'no transfer for the answer ' || key FROM idempotency_keys
   WHERE outcome = 'posted' AND operation IN ('transfer', 'capture') AND NOT EXISTS (SELECT FROM transfers WHERE id = subject_id)
  UNION ALL
  SELECT 'capture of ' || h.id FROM holds h LEFT JOIN transfers t ON t.hold_id = h.id LEFT JOIN entries e ON e.transfer_id = t.id AND e.account_id = h.debit_account
   WHERE coalesce(-e.amount_minor, 0) <> captured_minor
  UNION ALL
  SELECT 'event of transfer ' || coalesce(t.id::text, e.data ->> 'transfer_id') FROM transfers t
    FULL JOIN (SELECT data FROM outbox WHERE type = 'transfer.posted') AS e ON (e.data ->> 'transfer_id')::uuid = t.id
   WHERE t.id IS NULL OR e.data IS NULL
      OR (SELECT jsonb_agg(jsonb_build_object('account_id', account_id, 'currency', currency, 'amount', amount_minor::text, 'balance', balance_after_minor::text, 'version', account_version::text)
            ORDER BY account_id) FROM entries WHERE transfer_id = t.id)
         IS DISTINCT FROM (SELECT jsonb_agg(entry ORDER BY (entry ->> 'account_id')::uuid) FROM jsonb_array_elements(e.data::jsonb -> 'entries') AS entry)
  UNION ALL
  SELECT 'events of hold ' || h.id FROM holds h
   WHERE (SELECT array_agg(type ORDER BY id) FROM outbox WHERE type LIKE 'hold.%' AND data ->> 'hold_id' = h.id::text)
         IS DISTINCT FROM CASE status WHEN 'open' THEN ARRAY['hold.placed'] ELSE ARRAY['hold.placed', 'hold.' || status] END`;
