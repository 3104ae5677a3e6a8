import type { Check, Protocol } from './checks.ts';
import type { Missing, VerifiedShard } from './elsewhere.ts';
import {
  endOfTransfers, LOWEST_ID, readAccountHeads, readChain, readHolds, readKeys, readMissingGuards, readOutbox, readReversals, readSequence, readStream, readSums,
  readTransferPrint, readTransfers, readUntold, type TransferRow,
} from './pages.store.ts';

/** Rows of a page: a statement of about a tenth of a second, a few MB in Node. */
const PAGE = 20_000;
/** Rows that each want an index lookup or more. */
const SMALL_PAGE = 5_000;

/** One shard under the glass. `pause` is called between pages, with what the last one has seen. */
export interface Inspection {
  readonly shard: VerifiedShard;
  readonly protocol: Protocol;
  readonly page: number;
  readonly smallPage: number;
  pause(): Promise<void>;
  /** Takes down what no other shard has, either. */
  lookElsewhere(missing: readonly Missing[]): Promise<void>;
}

export const defaultPages = { page: PAGE, smallPage: SMALL_PAGE };

/** Everything that a shard can be asked by itself, one check after the other. */
export const inspections: readonly { readonly checks: readonly Check[]; inspect(inspection: Inspection): Promise<void> }[] = [
  { checks: ['guards'], inspect: inspectGuards },
  { checks: ['sums'], inspect: inspectSums },
  { checks: ['account_chain', 'entry_accounts'], inspect: inspectEntries },
  { checks: ['account_heads', 'account_holds'], inspect: inspectAccounts },
  { checks: ['outbox_sequence'], inspect: inspectSequence },
  { checks: ['transfer_entries', 'reversals', 'outbox_complete'], inspect: inspectTransfersAndEvents },
  { checks: ['holds'], inspect: inspectHolds },
  { checks: ['keys'], inspect: inspectKeys },
];

async function inspectGuards({ shard, protocol }: Inspection): Promise<void> {
  for (const guard of await readMissingGuards(shard)) protocol.found('guards', shard.number, guard.includes(' may ') ? guard : `${guard} is not in force`);
}

async function inspectSums({ shard, protocol }: Inspection): Promise<void> {
  for (const { currency, accounts, sum } of await readSums(shard)) {
    protocol.looked('sums', shard.number, Number(accounts));
    if (sum !== 0n) protocol.found('sums', shard.number, `the balances in ${currency} sum to ${sum}`);
  }
}

async function inspectEntries({ shard, protocol, page, pause, lookElsewhere }: Inspection): Promise<void> {
  let after = { account: LOWEST_ID, version: 0n, balanceMinor: 0n };
  for (;;) {
    const rows = await readChain(shard, after, page);
    const missing: Missing[] = [];
    for (const row of rows.filter(({ is_wrong }) => is_wrong)) {
      const name = `account ${row.account_id} entry ${row.account_version}`;
      const opening = row.balance_after_minor - row.amount_minor;
      if (row.account_version > row.before_version + 1n) {
        // The entries between may lie on a shard where the account was before.
        missing.push({
          check: 'account_chain', shard: shard.number, what: 'entry', account: row.account_id, version: row.account_version - 1n, balanceMinor: opening,
          finding: `${name} follows entry ${row.before_version}, and no shard has the ones between with a balance of ${opening} after them`,
        });
      } else if (row.account_version !== row.before_version + 1n) {
        protocol.found('account_chain', shard.number, `${name} is there twice`);
      } else if (opening !== row.before_balance) {
        protocol.found('account_chain', shard.number, `${name} leaves ${row.balance_after_minor}: ${row.before_balance} and ${row.amount_minor} are ${row.before_balance + row.amount_minor}`);
      }
      if (row.account_currency === null) {
        missing.push({ check: 'entry_accounts', shard: shard.number, what: 'account', id: row.account_id, finding: `${name}: there is no such account` });
      } else if (row.account_currency !== row.currency) {
        protocol.found('entry_accounts', shard.number, `${name} is in ${row.currency}, the account in ${row.account_currency}`);
      }
    }
    await lookElsewhere(missing);
    const last = rows.find(({ is_last }) => is_last);
    if (!last) return;
    for (const check of ['account_chain', 'entry_accounts'] as const) protocol.looked(check, shard.number, Number(last.place));
    if (Number(last.place) < page) return;
    after = { account: last.account_id, version: last.account_version, balanceMinor: last.balance_after_minor };
    await pause();
  }
}

async function inspectAccounts({ shard, protocol, smallPage, pause, lookElsewhere }: Inspection): Promise<void> {
  let after = LOWEST_ID;
  for (;;) {
    const rows = await readAccountHeads(shard, after, smallPage);
    const missing: Missing[] = [];
    for (const row of rows.filter(({ is_wrong }) => is_wrong)) {
      if (row.held_minor.toString() !== row.on_hold) {
        protocol.found('account_holds', shard.number, `account ${row.id} reserves ${row.held_minor}, its open holds ${row.on_hold}`);
      }
      if (row.version > (row.last_version ?? 0n)) {
        // Nothing may have been posted here since the account came.
        missing.push({
          check: 'account_heads', shard: shard.number, what: 'entry', account: row.id, version: row.version, balanceMinor: row.balance_minor,
          finding: `account ${row.id} has version ${row.version} and a balance of ${row.balance_minor}; its last entry is ${row.last_version ?? 'none'}, with ${row.last_balance ?? 0n}`,
        });
      } else if (row.version !== (row.last_version ?? 0n) || row.balance_minor !== (row.last_balance ?? 0n)) {
        protocol.found('account_heads', shard.number, `account ${row.id} has version ${row.version} and a balance of ${row.balance_minor}; its last entry is ${row.last_version ?? 'none'}, with ${row.last_balance ?? 0n}`);
      }
    }
    await lookElsewhere(missing);
    const last = rows.find(({ is_last }) => is_last);
    if (!last) return;
    for (const check of ['account_heads', 'account_holds'] as const) protocol.looked(check, shard.number, Number(last.place));
    if (Number(last.place) < smallPage) return;
    after = last.id;
    await pause();
  }
}

async function inspectSequence({ shard, protocol, page, pause }: Inspection): Promise<void> {
  const before = await readStream(shard);
  if (!before) {
    protocol.found('outbox_sequence', shard.number, 'the row of the stream, which has its watermarks, is not there');
    return;
  }
  let after = { epoch: 0, sequence: 0n };
  for (;;) {
    const rows = await readSequence(shard, after, page);
    for (const row of rows.filter(({ is_wrong }) => is_wrong)) protocol.found('outbox_sequence', shard.number, `event ${row.sequence} of epoch ${row.epoch} follows event ${row.before}`);
    const last = rows.find(({ is_last }) => is_last);
    if (last) {
      protocol.looked('outbox_sequence', shard.number, Number(last.place));
      after = { epoch: last.epoch, sequence: last.sequence };
    }
    if (!last || Number(last.place) < page) break;
    await pause();
  }
  const then = await readStream(shard);
  // The relay goes on meanwhile: the last number is one of those that the counter had between the two looks.
  if (after.sequence < before.last_sequence) protocol.found('outbox_sequence', shard.number, `the last event is ${after.sequence}, the watermark ${before.last_sequence}`);
  if (then && after.sequence > then.last_sequence) protocol.found('outbox_sequence', shard.number, `event ${after.sequence} lies beyond the watermark ${then.last_sequence}`);
}

/** Transfers and events in one go: two fingerprints tell whether the one set is the other. */
async function inspectTransfersAndEvents(inspection: Inspection): Promise<void> {
  const { shard, protocol } = inspection;
  const stream = await readStream(shard);
  const before = stream?.now ?? new Date().toISOString();
  const told = await inspectEvents(inspection, before);
  const stand = await inspectTransfers(inspection, before);
  if (told.count === stand.count && told.sum === stand.sum) return;
  for (const { id, events } of await readUntold(shard)) protocol.found('outbox_complete', shard.number, `transfer ${id} has ${events} events`);
}

async function inspectEvents({ shard, protocol, smallPage, pause }: Inspection, before: string): Promise<{ count: bigint; sum: bigint }> {
  const print = { count: 0n, sum: 0n };
  let after = -1n;
  for (;;) {
    const page = await readOutbox(shard, after, before, smallPage);
    protocol.looked('outbox_complete', shard.number, Number(page.rows));
    for (const { event, transfer, why } of page.wrong) protocol.found('outbox_complete', shard.number, `event ${event} ${why}: ${transfer ?? 'it names none'}`);
    print.count += page.count;
    print.sum += page.sum;
    if (page.last === null || Number(page.rows) < smallPage) return print;
    after = page.last;
    await pause();
  }
}

async function inspectTransfers({ shard, protocol, smallPage, pause, lookElsewhere }: Inspection, before: string): Promise<{ count: bigint; sum: bigint }> {
  const print = { count: 0n, sum: 0n };
  let after = LOWEST_ID;
  for (;;) {
    const { last, isEnd } = await endOfTransfers(shard, after, smallPage);
    const rows = await readTransfers(shard, after, last);
    for (const row of rows) tellOfEntries(row, shard.number, protocol);
    await inspectReversals({ shard, protocol, lookElsewhere }, rows.flatMap(({ id, reverses }) => (reverses === null ? [] : id)));
    await lookElsewhere(rows.flatMap((row): Missing[] => (row.kind !== 'transit_in' ? [] : [{
      check: 'cross_shard', shard: shard.number, what: 'outgoing', id: row.id, finding: `transfer ${row.id} has arrived, and no shard has sent it`,
    }])));
    const found = await readTransferPrint(shard, after, last, before);
    for (const check of ['transfer_entries', 'reversals'] as const) protocol.looked(check, shard.number, Number(found.rows));
    print.count += found.count;
    print.sum += found.sum;
    if (isEnd) return print;
    after = last;
    await pause();
  }
}

function tellOfEntries(row: TransferRow, shard: number, protocol: Protocol): void {
  if (!row.is_transfer) protocol.found('transfer_entries', shard, `${row.entries} entries are of transfer ${row.id}, which is not there`);
  else if (row.is_unbalanced) protocol.found('transfer_entries', shard, `the entries of transfer ${row.id} do not sum to zero`);
  else if (row.entries < 2n) protocol.found('transfer_entries', shard, `transfer ${row.id} has ${row.entries} entries`);
}

async function inspectReversals({ shard, protocol, lookElsewhere }: Pick<Inspection, 'shard' | 'protocol' | 'lookElsewhere'>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const missing: Missing[] = [];
  for (const row of await readReversals(shard, ids)) {
    const name = `transfer ${row.id}`;
    if (row.others > 0n) protocol.found('reversals', shard.number, `${name} takes back ${row.reverses}, and ${row.others} others do`);
    if (row.original_kind === null) {
      missing.push({ check: 'reversals', shard: shard.number, what: 'transfer', id: row.reverses, finding: `${name} takes back ${row.reverses}, which is not there` });
    } else if (row.original_kind === 'reversal' || row.original_kind === 'transit_return') {
      protocol.found('reversals', shard.number, `${name} takes back ${row.reverses}, which takes back another one itself`);
    } else if (!row.is_whole && row.kind === 'reversal') {
      protocol.found('reversals', shard.number, `${name} does not take back all that ${row.reverses} moved, or more`);
    }
  }
  await lookElsewhere(missing);
}

async function inspectHolds({ shard, protocol, smallPage, pause, lookElsewhere }: Inspection): Promise<void> {
  let after = LOWEST_ID;
  for (;;) {
    const rows = await readHolds(shard, after, smallPage);
    const missing: Missing[] = [];
    for (const row of rows.filter(({ is_wrong }) => is_wrong)) {
      const name = `hold ${row.id}`;
      if (row.status === 'captured' && row.captures === 0n) {
        missing.push({ check: 'holds', shard: shard.number, what: 'capture', id: row.id, finding: `${name} is captured, and no transfer captures it` });
      } else if (row.status !== 'captured' && row.captures > 0n) {
        protocol.found('holds', shard.number, `${name} is ${row.status}, and ${row.captures} transfers capture it`);
      } else if (row.captures > 1n) {
        protocol.found('holds', shard.number, `${name} is captured by ${row.captures} transfers`);
      } else if (row.captured_in !== null && row.captured_in !== row.captured_minor.toString()) {
        protocol.found('holds', shard.number, `${name} says that ${row.captured_minor} of it were captured; its transfer moves ${row.captured_in}`);
      }
      if (row.account_currency === null) {
        missing.push({ check: 'holds', shard: shard.number, what: 'account', id: row.debit_account, finding: `${name} is on account ${row.debit_account}, which is not there` });
      } else if (row.account_currency !== row.currency) {
        protocol.found('holds', shard.number, `${name} is in ${row.currency}, its account in ${row.account_currency}`);
      }
    }
    await lookElsewhere(missing);
    const last = rows.find(({ is_last }) => is_last);
    if (!last) return;
    protocol.looked('holds', shard.number, Number(last.place));
    if (Number(last.place) < smallPage) return;
    after = last.id;
    await pause();
  }
}

async function inspectKeys({ shard, protocol, page, pause, lookElsewhere }: Inspection): Promise<void> {
  const subjects: Readonly<Record<string, 'transfer' | 'hold'>> = { transfer: 'transfer', capture: 'transfer', hold: 'hold', void: 'hold', expire: 'hold' };
  let after = LOWEST_ID;
  for (;;) {
    const rows = await readKeys(shard, after, page);
    const missing: Missing[] = [];
    for (const row of rows.filter(({ is_wrong }) => is_wrong)) {
      const name = `key ${JSON.stringify(row.key)} of ${JSON.stringify(row.scope)}`;
      const what = subjects[row.operation] ?? 'account';
      if (row.is_twice) protocol.found('keys', shard.number, `${name} is there twice`);
      else missing.push({ check: 'keys', shard: shard.number, what, id: row.subject_id, finding: `${name} was answered with ${what} ${row.subject_id}, which is not there` });
    }
    await lookElsewhere(missing);
    const last = rows.find(({ is_last }) => is_last);
    if (!last) return;
    protocol.looked('keys', shard.number, Number(last.place));
    if (Number(last.place) < page) return;
    after = last.id;
    await pause();
  }
}
