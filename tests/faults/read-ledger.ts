import { readTopic } from '../kit/events.ts';
import type { Platform } from '../kit/platform.ts';
import type { SeenEvent } from './check-followers.ts';
import type { AccountRow, Contents, EntryRow, HoldRow, KeyRow, TransferRow } from './ledger-contents.ts';
import type { Customer } from './people.ts';

const shardsOf = (platform: Platform): number[] => Array.from({ length: platform.instance.settings.ledgers }, (_, shard) => shard);

/** A row as JSON has it. */
type Row = Record<string, string | number | null>;

/**
 * Reads from the leaders of all shards what concerns a run: the accounts of its customers and the platform's own, with all their entries; the
 * transfers that touched its customers or carry its references; its keys. Sums are over everything that there is.
 */
export async function readLedger(platform: Platform, run: string, customers: readonly Customer[]): Promise<Contents> {
  const shards = await Promise.all(shardsOf(platform).map((shard) => readShard(platform, shard, run, customers)));
  return {
    accounts: shards.flatMap(({ accounts }) => accounts),
    transfers: shards.flatMap(({ transfers }) => transfers),
    entries: shards.flatMap(({ entries }) => entries),
    keys: shards.flatMap(({ keys }) => keys),
    holds: shards.flatMap(({ holds }) => holds),
    underWay: shards.flatMap(({ underWay }) => underWay),
    sums: shards.flatMap(({ sums }) => sums),
  };
}

async function readShard(platform: Platform, shard: number, run: string, customers: readonly Customer[]): Promise<Contents> {
  const rows = (sql: string): Promise<Row[]> => platform.query<Row>(`ledger${shard}`, 'ledger', sql);
  const owners = customers.map(({ subject }) => `'${subject}'`).join(', ');
  const accounts = await rows(`SELECT id, owner, kind, normal_side, currency, balance_minor::text, version, held_minor::text, overdraft_limit_minor::text FROM accounts WHERE owner IN (${owners}) OR kind = 'system'`);
  const entries = await rows(`SELECT e.account_id, e.account_version, e.transfer_id, a.currency, e.amount_minor::text, e.balance_after_minor::text
    FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.owner IN (${owners}) OR a.kind = 'system'`);
  const transfers = await rows(`SELECT id, kind, reference, reverses, hold_id FROM transfers t WHERE reference LIKE '${run}/%'
    OR EXISTS (SELECT FROM entries e JOIN accounts a ON a.id = e.account_id WHERE e.transfer_id = t.id AND a.owner IN (${owners}))`);
  const keys = await rows(`SELECT scope, key, outcome, subject_id FROM idempotency_keys WHERE key LIKE '${run}/%'`);
  const holds = await rows(`SELECT h.id, h.debit_account, h.credit_account, h.amount_minor::text, h.captured_minor::text, h.status, h.reference
    FROM holds h JOIN accounts a ON a.id = h.debit_account WHERE a.owner IN (${owners})`);
  const underWay = await rows(`SELECT o.transfer_id FROM outgoing_transfers o JOIN transfers t ON t.id = o.transfer_id WHERE o.state = 'sent' AND t.reference LIKE '${run}/%'`);
  const sums = await rows(`SELECT a.currency, sum(a.balance_minor)::text AS balances, coalesce(sum(e.amount), 0)::text AS entries
    FROM accounts a LEFT JOIN (SELECT account_id, sum(amount_minor) AS amount FROM entries GROUP BY account_id) e ON e.account_id = a.id GROUP BY a.currency`);
  return {
    accounts: accounts.map((row): AccountRow => ({
      shard, id: text(row, 'id'), owner: text(row, 'owner'), kind: text(row, 'kind') === 'system' ? 'system' : 'customer', currency: text(row, 'currency'),
      normalSide: text(row, 'normal_side') === 'debit' ? 'debit' : 'credit', balanceMinor: minor(row, 'balance_minor'), heldMinor: minor(row, 'held_minor'),
      overdraftLimitMinor: row['overdraft_limit_minor'] === null ? undefined : minor(row, 'overdraft_limit_minor'), version: Number(row['version']),
    })),
    entries: entries.map((row): EntryRow => ({
      shard, account: text(row, 'account_id'), version: Number(row['account_version']), transfer: text(row, 'transfer_id'), currency: text(row, 'currency'),
      amountMinor: minor(row, 'amount_minor'), balanceAfterMinor: minor(row, 'balance_after_minor'),
    })),
    transfers: transfers.map((row): TransferRow => ({
      shard, id: text(row, 'id'), kind: text(row, 'kind'), reference: optional(row, 'reference'), reverses: optional(row, 'reverses'), hold: optional(row, 'hold_id'),
    })),
    keys: keys.map((row): KeyRow => ({ shard, scope: text(row, 'scope'), key: text(row, 'key'), outcome: text(row, 'outcome'), subjectId: text(row, 'subject_id') })),
    holds: holds.map((row): HoldRow => ({
      shard, id: text(row, 'id'), debitAccount: text(row, 'debit_account'), creditAccount: text(row, 'credit_account'), amountMinor: minor(row, 'amount_minor'),
      capturedMinor: minor(row, 'captured_minor'), status: text(row, 'status') as HoldRow['status'], reference: optional(row, 'reference'),
    })),
    underWay: underWay.map((row) => text(row, 'transfer_id')),
    sums: sums.map((row) => ({ shard, currency: text(row, 'currency'), balancesMinor: minor(row, 'balances'), entriesMinor: minor(row, 'entries') })),
  };
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`the column ${column} holds ${JSON.stringify(value)}`);
  return value;
}

function optional(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

function minor(row: Row, column: string): bigint {
  return BigInt(text(row, column));
}

/** The shard on which a person's accounts are. */
export async function shardOfOwner(platform: Platform, owner: string): Promise<number> {
  for (const shard of shardsOf(platform)) {
    const [row] = await platform.query<{ n: number }>(`ledger${shard}`, 'ledger', `SELECT count(*)::int AS n FROM accounts WHERE owner = '${owner}'`);
    if (row && row.n > 0) return shard;
  }
  throw new Error(`no shard has an account of ${owner}`);
}

/** What the reports show of the customers' accounts. */
export async function readReports(customers: readonly Customer[]): Promise<Map<string, bigint>> {
  const reports = await Promise.all(customers.map(({ session }) => session.call('GET', '/v1/reports/balances')));
  const shown = new Map<string, bigint>();
  for (const { status, body } of reports) {
    if (status !== 200) throw new Error(`the report answered ${status}`);
    for (const { account_id, balance } of (body as { balances: { account_id: string; balance: string }[] }).balances) shown.set(account_id, BigInt(balance));
  }
  return shown;
}

/** Everything on the topic of the ledger, up to the last event that the outbox of each shard has numbered. */
export async function readEvents(platform: Platform, budgetMs: number): Promise<SeenEvent[]> {
  const ends = new Map<number, { epoch: number; sequence: bigint }>();
  for (const shard of shardsOf(platform)) {
    const [row] = await platform.query<{ epoch: number; last: string }>(`ledger${shard}`, 'ledger', 'SELECT epoch::int, last_sequence::text AS last FROM event_stream');
    if (row && row.last !== '0') ends.set(shard, { epoch: row.epoch, sequence: BigInt(row.last) });
  }
  // Before a restore to an earlier point a shard may have come further than it has come since.
  return readTopic(platform, 'ledger.events', budgetMs, ({ shard, epoch, sequence }) => {
    const end = ends.get(shard);
    if (end && epoch >= end.epoch && BigInt(sequence) >= end.sequence) ends.delete(shard);
    return ends.size === 0;
  });
}

/** Outbox rows that have no number yet: what the relay still has to publish. */
export async function unpublished(platform: Platform): Promise<number> {
  const counts = await Promise.all(shardsOf(platform).map((shard) => platform.query<{ n: number }>(`ledger${shard}`, 'ledger',
    'SELECT ((SELECT count(*) FROM outbox WHERE sequence IS NULL) + (SELECT sum(last_sequence - published_sequence) FROM event_stream))::int AS n')));
  return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0);
}
