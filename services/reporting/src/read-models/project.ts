import { dataOf, type Event } from '@holdfast/kit/events';
import type { Connection } from '@holdfast/kit/postgres';

/** What some events change of one account, taken together. */
interface AccountChange {
  readonly id: string;
  owner: string | null;
  kind: string | null;
  openedAt: string | null;
  currency: string | null;
  /** Null if no event of a change of status came. */
  status: string | null;
  limit: string | null;
  limitKnown: boolean;
  /** Of the last change of status and limit; 0 if none came, or one of before they were counted. */
  changeVersion: bigint;
  balance: string;
  entryVersion: bigint;
  heldDelta: bigint;
  at: string;
}

interface Line {
  account: string; version: string; transfer: string; kind: string; counterparty: string | null; amount: string; balance: string;
  reference: string | null; externalReference: string | null; at: string;
}

/**
 * All events of a batch in a few statements. Each account is written once, in the order of the ids: two partitions may tell of the same
 * account at once, after its bucket has moved, and would lock its row and another's crosswise.
 */
export async function project(connection: Connection, events: readonly Event[]): Promise<void> {
  const changes = new Map<string, AccountChange>();
  const lines: Line[] = [];
  for (const event of events) foldIn(event, changes, lines);
  if (lines.length > 0) await addLines(connection, lines);
  if (changes.size > 0) await writeAccounts(connection, [...changes.values()].sort((one, other) => (one.id < other.id ? -1 : 1)));
}

function foldIn(event: Event, changes: Map<string, AccountChange>, lines: Line[]): void {
  const changeOf = (id: string): AccountChange => {
    const change = changes.get(id) ?? {
      id, owner: null, kind: null, openedAt: null, currency: null, status: null, limit: null, limitKnown: false, changeVersion: 0n, balance: '0', entryVersion: 0n, heldDelta: 0n, at: '',
    };
    change.at = event.occurred_at;
    changes.set(id, change);
    return change;
  };
  if (event.type === 'account.opened') {
    const data = dataOf(event, 'account.opened');
    const change = changeOf(data.account_id);
    Object.assign(change, { owner: data.owner, kind: data.kind, currency: data.currency, openedAt: event.occurred_at });
    // A change that came first, from another shard, is the later word on it.
    if (!change.limitKnown) Object.assign(change, { limit: data.overdraft_limit, limitKnown: true });
  } else if (event.type === 'account.changed') {
    const data = dataOf(event, 'account.changed');
    const change = changeOf(data.account_id);
    const version = BigInt(data.version ?? 0);
    if (version === 0n || version > change.changeVersion) Object.assign(change, { status: data.status, limit: data.overdraft_limit, limitKnown: true, changeVersion: version });
  } else if (event.type === 'transfer.posted') {
    const data = dataOf(event, 'transfer.posted');
    for (const entry of data.entries) {
      const change = changeOf(entry.account_id);
      change.currency = entry.currency;
      if (BigInt(entry.version) > change.entryVersion) Object.assign(change, { balance: entry.balance, entryVersion: BigInt(entry.version) });
      const others = data.entries.filter(({ account_id }) => account_id !== entry.account_id);
      lines.push({
        account: entry.account_id, version: entry.version, transfer: data.transfer_id, kind: data.kind, amount: entry.amount, balance: entry.balance,
        counterparty: others.length === 1 ? others[0]?.account_id ?? null : null,
        reference: data.reference, externalReference: data.external_reference, at: event.occurred_at,
      });
    }
  } else if (event.type === 'hold.placed') {
    const data = dataOf(event, 'hold.placed');
    changeOf(data.debit_account).heldDelta += BigInt(data.amount);
  } else if (event.type === 'hold.captured' || event.type === 'hold.voided' || event.type === 'hold.expired') {
    const data = dataOf(event, event.type);
    // Whatever was captured of it, nothing of it is held any more.
    changeOf(data.debit_account).heldDelta -= BigInt(data.amount);
  }
}

async function addLines(connection: Connection, lines: readonly Line[]): Promise<void> {
  await connection.query(
    `INSERT INTO statement_lines (account_id, entry_version, transfer_id, kind, counterparty, amount_minor, balance_after_minor, reference, external_reference, occurred_at)
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::timestamptz[])`,
    [
      lines.map(({ account }) => account), lines.map(({ version }) => version), lines.map(({ transfer }) => transfer), lines.map(({ kind }) => kind),
      lines.map(({ counterparty }) => counterparty), lines.map(({ amount }) => amount), lines.map(({ balance }) => balance),
      lines.map(({ reference }) => reference), lines.map(({ externalReference }) => externalReference), lines.map(({ at }) => at),
    ], 'add_lines');
}

/** Whether there is a change of status, and not one of before that which is shown. Those without a number come in their order. */
const IS_LATER = '(excluded.status IS NOT NULL AND (excluded.change_version = 0 OR excluded.change_version > known.change_version))';

const WRITE_ACCOUNTS = `
  INSERT INTO account_balances AS known (
    account_id, owner, kind, opened_at, currency, status, overdraft_limit_minor, limit_known, balance_minor, entry_version, held_minor, changed_at, change_version)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::bigint[], $8::boolean[], $9::bigint[], $10::bigint[],
                       $11::bigint[], $12::timestamptz[], $13::bigint[]) AS change (account_id)
   ORDER BY account_id
  ON CONFLICT (account_id) DO UPDATE SET
    owner = coalesce(known.owner, excluded.owner),
    kind = coalesce(known.kind, excluded.kind),
    opened_at = coalesce(known.opened_at, excluded.opened_at),
    currency = coalesce(known.currency, excluded.currency),
    status = CASE WHEN ${IS_LATER} THEN excluded.status ELSE known.status END,
    overdraft_limit_minor = CASE WHEN excluded.limit_known AND (${IS_LATER} OR NOT known.limit_known)
                                 THEN excluded.overdraft_limit_minor ELSE known.overdraft_limit_minor END,
    limit_known = known.limit_known OR excluded.limit_known,
    balance_minor = CASE WHEN excluded.entry_version > known.entry_version THEN excluded.balance_minor ELSE known.balance_minor END,
    entry_version = greatest(known.entry_version, excluded.entry_version),
    held_minor = known.held_minor + excluded.held_minor,
    version = known.version + 1,
    change_version = greatest(known.change_version, excluded.change_version),
    changed_at = greatest(known.changed_at, excluded.changed_at)
  RETURNING owner`;

async function writeAccounts(connection: Connection, changes: readonly AccountChange[]): Promise<void> {
  const rows = await connection.query<{ owner: string | null }>(WRITE_ACCOUNTS, [
    changes.map(({ id }) => id), changes.map(({ owner }) => owner), changes.map(({ kind }) => kind), changes.map(({ openedAt }) => openedAt),
    changes.map(({ currency }) => currency), changes.map(({ status }) => status), changes.map(({ limit }) => limit), changes.map(({ limitKnown }) => limitKnown),
    changes.map(({ balance }) => balance), changes.map(({ entryVersion }) => entryVersion.toString()), changes.map(({ heldDelta }) => heldDelta.toString()),
    changes.map(({ at }) => at), changes.map(({ changeVersion }) => changeVersion.toString()),
  ], 'write_accounts');
  await raiseOwnerVersions(connection, rows.flatMap(({ owner }) => owner ?? []));
}

async function raiseOwnerVersions(connection: Connection, owners: readonly string[]): Promise<void> {
  // In one order, as two shards may raise the version of the same system owner at once.
  await connection.query(
    `INSERT INTO owner_versions (owner) SELECT DISTINCT owner FROM unnest($1::text[]) AS owners (owner) ORDER BY owner
     ON CONFLICT (owner) DO UPDATE SET version = owner_versions.version + 1`,
    [owners], 'raise_owner_versions');
}
