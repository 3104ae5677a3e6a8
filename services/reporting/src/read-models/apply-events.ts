import { dataOf, type Position } from '@holdfast/kit/events';
import { byStream, conclude, takeIn, type Intake, type Stream } from '@holdfast/kit/intake';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Connection, Database } from '@holdfast/kit/postgres';

interface OpenedAccount { id: string; owner: string; currency: string; kind: string; at: string }
interface Line { account: string; counterparty: string; transfer: string; amount: bigint; balance: string; reference: string | null; epoch: number; sequence: string; at: string }

/**
 * Brings the read models forward by some events. The position moves in the same transaction, so each event counts once however often
 * Kafka delivers it. At a gap or a foreign epoch the stream stops there: what came before is kept, and the error says where it stands.
 */
export async function applyEvents(database: Database, events: readonly ReceivedEvent[]): Promise<void> {
  for (const stream of byStream(events)) {
    conclude(await database.transaction(async (connection) => {
      const intake = takeIn(stream, await lockPosition(connection, stream));
      if (intake.next.length > 0 && intake.position) {
        await project(connection, intake);
        await movePosition(connection, stream, intake.position);
      }
      return intake;
    }));
  }
}

async function lockPosition(connection: Connection, { topic, shard }: Stream): Promise<Position | undefined> {
  const [row] = await connection.query<{ epoch: number; sequence: bigint }>(
    'SELECT epoch, sequence FROM consumer_position WHERE topic = $1 AND shard = $2 FOR UPDATE', [topic, shard], 'lock_position');
  return row;
}

async function movePosition(connection: Connection, { topic, shard }: Stream, { epoch, sequence }: Position): Promise<void> {
  await connection.query(
    `INSERT INTO consumer_position (topic, shard, epoch, sequence) VALUES ($1, $2, $3, $4)
     ON CONFLICT (topic, shard) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, moved_at = clock_timestamp()`,
    [topic, shard, epoch, sequence.toString()], 'move_position');
}

/** All events of a batch in a few statements: accounts first, as a transfer may follow the opening of its account in the same batch. */
async function project(connection: Connection, intake: Intake): Promise<void> {
  const opened: OpenedAccount[] = [];
  const lines: Line[] = [];
  for (const { event } of intake.next) {
    const { epoch, sequence, occurred_at: at } = event;
    if (event.type === 'account.opened') {
      const data = dataOf(event, 'account.opened');
      opened.push({ id: data.account_id, owner: data.owner, currency: data.currency, kind: data.kind, at });
    } else if (event.type === 'transfer.posted') {
      const data = dataOf(event, 'transfer.posted');
      const common = { transfer: data.transfer_id, reference: data.reference, epoch, sequence, at };
      const amount = BigInt(data.amount);
      lines.push({ ...common, account: data.debit_account, counterparty: data.credit_account, amount: -amount, balance: data.debit_balance });
      lines.push({ ...common, account: data.credit_account, counterparty: data.debit_account, amount, balance: data.credit_balance });
    }
  }
  if (opened.length > 0) await addAccounts(connection, opened);
  if (lines.length > 0) await addLines(connection, lines);
}

async function addAccounts(connection: Connection, opened: readonly OpenedAccount[]): Promise<void> {
  await connection.query(
    `INSERT INTO account_balances (account_id, owner, currency, kind, opened_at, changed_at)
     SELECT id, owner, currency, kind, at, at
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS opened (id, owner, currency, kind, at)`,
    [opened.map(({ id }) => id), opened.map(({ owner }) => owner), opened.map(({ currency }) => currency), opened.map(({ kind }) => kind), opened.map(({ at }) => at)],
    'add_accounts');
  await raiseOwnerVersions(connection, opened.map(({ owner }) => owner));
}

async function addLines(connection: Connection, lines: readonly Line[]): Promise<void> {
  await connection.query(
    `INSERT INTO statement_lines (account_id, epoch, sequence, transfer_id, counterparty, amount_minor, balance_after_minor, reference, occurred_at)
     SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[], $8::text[], $9::timestamptz[])`,
    [
      lines.map(({ account }) => account), lines.map(({ epoch }) => epoch), lines.map(({ sequence }) => sequence), lines.map(({ transfer }) => transfer),
      lines.map(({ counterparty }) => counterparty), lines.map(({ amount }) => amount.toString()), lines.map(({ balance }) => balance),
      lines.map(({ reference }) => reference), lines.map(({ at }) => at),
    ], 'add_lines');
  // Later lines overwrite earlier ones: what an account has is the balance after its last.
  const last = [...new Map(lines.map((line) => [line.account, line])).values()];
  const changed = await connection.query<{ owner: string }>(
    `UPDATE account_balances SET balance_minor = last.balance, changed_at = last.at, version = version + 1
       FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS last (id, balance, at)
      WHERE account_id = last.id RETURNING owner`,
    [last.map(({ account }) => account), last.map(({ balance }) => balance), last.map(({ at }) => at)], 'set_balances');
  await raiseOwnerVersions(connection, changed.map(({ owner }) => owner));
}

async function raiseOwnerVersions(connection: Connection, owners: readonly string[]): Promise<void> {
  // In one order, as two shards may raise the version of the same system owner at once.
  await connection.query(
    `INSERT INTO owner_versions (owner) SELECT DISTINCT owner FROM unnest($1::text[]) AS owners (owner) ORDER BY owner
     ON CONFLICT (owner) DO UPDATE SET version = owner_versions.version + 1`,
    [owners], 'raise_owner_versions');
}
